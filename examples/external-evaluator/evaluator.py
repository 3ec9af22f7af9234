"""An evaluator for MetaOrchestrator: JSON lines on stdin and stdout, anything else on stderr."""
import json
import sys

# The system to improve. A real one would call its models here; this one checks which rules its two texts state.
SEEDS = {"answer": "Answer the customer.", "tone": "Be brief."}
RULES = {"answer": ["refund", "order number", "opening hours"], "tone": ["sorry", "thank"]}


def evaluate(candidate, example, seed):
    index, feedback = int(example.split("/")[1]), []
    for name, rules in RULES.items():
        rule = rules[index % len(rules)]
        if rule not in candidate[name].lower():
            feedback.append({"component": name, "text": "Mention: " + rule})
    return {"score": 1 - len(feedback) / len(RULES), "feedback": feedback, "cost": {"calls": 1}}


def propose(component, candidate, feedback, seed):
    remarks = [item["text"] for item in feedback if item["text"]]
    return {"text": " ".join([candidate[component]] + remarks[:1])}


for line in sys.stdin:
    request = json.loads(line)
    if "hello" in request:
        components = {name: {"kind": "text", "seed": seed} for name, seed in SEEDS.items()}
        counts = {"train": 6, "val": 6, "test": 6}
        answer = {"hello": {"protocol": 1, "components": components, "examples": counts, "propose": True}}
    else:
        answer = {"id": request["id"]}
        try:
            work = evaluate if "evaluate" in request else propose
            answer.update(work(**request[work.__name__]))
        except Exception as error:
            answer["error"] = {"message": repr(error), "retryable": False}
    print(json.dumps(answer, allow_nan=False), flush=True)
