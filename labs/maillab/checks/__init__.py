"""Exercises and predictions: what a lesson asks, and what it says to each answer."""

from .exercises import check, hint, solution
from .predictions import compare, predict

__all__ = ["check", "compare", "hint", "predict", "solution"]
