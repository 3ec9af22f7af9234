"""Writes bbob.json: values of the BBOB functions by the reference implementation.

pip install ioh==0.3.22; python bbob.py > bbob.json
"""
import json

import ioh

POINTS = [[0.0] * 5, [0.5, -1.0, 1.5, 2.0, -2.5], [-3.7, 4.1, 0.3, -4.9, 2.2]]
problems = []
for f in range(1, 25):
    for instance in range(1, 4):
        p = ioh.get_problem(f, instance=instance, dimension=5, problem_class=ioh.ProblemClass.BBOB)
        values = [p(x) for x in POINTS]
        problems.append(
            dict(f=f, instance=instance, x_opt=list(p.optimum.x), f_opt=p.optimum.y, values=values)
        )
print(json.dumps(dict(points=POINTS, problems=problems), separators=(",", ":")))
