"""Errors that end a job, told apart by who can mend them."""

from __future__ import annotations


class JobError(Exception):
    """Base of both; ``message`` is what the user reads. A cause is named the way SageMaker's containers name it."""

    def __init__(self, message: str, caused_by: BaseException | None = None) -> None:
        if caused_by is not None:
            message = f"{message} (caused by {type(caused_by).__name__})"
        super().__init__(message)
        self.message = message


class UserError(JobError):
    """The user can avoid this: a wrong hyperparameter, unreadable data, something that is not built here."""


class AlgorithmError(JobError):
    """The algorithm failed on input that looked right."""
