"""The schedule of an edit's words: the windows of each as weights of its tokens, step by step."""

from collections.abc import Mapping

import torch
from torch import Tensor

from wordbrush.edits.window import DEFAULT, Window
from wordbrush.tokens.prompt_tokens import PromptTokens


def cross_weights(target: PromptTokens, windows: Mapping[str, Window], num_steps: int) -> Tensor:
    """The schedule weight of each target token at each step, (num_steps, T): 0 or 1.

    Raises `PromptError` for a word that is ambiguous or not in the target prompt.
    """
    weights_NT = torch.zeros(num_steps, target.length)
    weights_NT[_slice(windows[DEFAULT], num_steps)] = 1
    for word, window in windows.items():
        if word != DEFAULT:
            positions = list(target.find(word))
            weights_NT[:, positions] = 0
            weights_NT[_slice(window, num_steps), positions] = 1
    return weights_NT


def _slice(window: Window, num_steps: int) -> slice:
    steps = window.cross_steps(num_steps)
    return slice(steps.start, max(steps.stop, steps.start))
