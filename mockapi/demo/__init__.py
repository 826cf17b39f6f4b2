"""The resilience demonstration: the pipeline on its default settings against mocks with faults."""

from mockapi.demo.stage import demonstrate

__all__ = ["demonstrate"]
