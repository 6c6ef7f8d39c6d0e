"""Edits as data: affine maps over the token axis, schedules, and the plan of a run."""
