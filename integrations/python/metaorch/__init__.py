"""MetaOrchestrator's search in Python: `optuna.MetaorchSampler`, `flaml.MetaorchSearch`, and the `Session` under both."""

from .session import Session, SessionError

__all__ = ["Session", "SessionError"]
