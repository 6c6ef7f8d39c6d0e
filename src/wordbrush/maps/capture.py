"""From a request to a run's watch, and from the watch to the maps of each picture."""

from collections.abc import Mapping

from wordbrush.maps.arrays import MapsInfo, StackInfo
from wordbrush.maps.attention_maps import AttentionMaps
from wordbrush.maps.collect import MapsCollector
from wordbrush.maps.components import principal_components
from wordbrush.maps.plan import plan_maps
from wordbrush.maps.request import MapsRequest
from wordbrush.sampling.adapter import Adapter
from wordbrush.sampling.settings import GenerationSettings
from wordbrush.tokens.prompt_tokens import PromptTokens
from wordbrush.versions import installed_versions


class Capture:
    """A request for the maps of one run: give `watch` to the run, then ask for the maps of each branch."""

    def __init__(
        self,
        adapter: Adapter,
        request: MapsRequest,
        settings: GenerationSettings,
        prompts: Mapping[int, PromptTokens],
        num_steps: int,
        model: str,
    ) -> None:
        """Check the request against the model and the prompts of a run's branches, before anything runs.

        `num_steps` are the run's own: those of an inverted photograph may begin later than its schedule does.

        Raises `PromptError` for a word that no prompt has, and `SettingsError` for what the model does not have or for
        maps larger than the request's `max_bytes`.
        """
        layers = adapter.attention_layers(settings.height, settings.width)
        self._plan = plan_maps(request, prompts, layers, num_steps)
        self._request, self._settings, self._prompts, self._model = request, settings, prompts, model
        length = max(prompt.length for prompt in prompts.values())
        self.watch = MapsCollector(self._plan, request.reads, length, adapter.device)

    def maps(self, branch: int) -> AttentionMaps | None:
        """The maps of a branch after the run, or None if its prompt has none of the words."""
        if branch not in self._plan.words:
            return None
        plan, words, settings = self._plan, self._plan.words[branch], self._settings
        components, shares = None, tuple[float, ...]()
        own = self.watch.self_mean(branch)
        if own is not None:
            layer, mean_QQ = own
            flat, shares = principal_components(mean_QQ.numpy(), self._request.self_components)
            components = flat.reshape(-1, layer.height, layer.width)
        stacks = tuple(
            StackInfo(
                tuple(layer.site.name for layer in layers),
                layers[0].height,
                layers[0].width,
                tuple(range(layers[0].heads)),
            )
            for layers in plan.stacks
        )
        info = MapsInfo(
            prompt=self._prompts[branch].text,
            words=tuple(word.name for word in words),
            tokens=tuple(word.positions for word in words),
            picture_size=(settings.height, settings.width),
            num_inference_steps=settings.num_inference_steps,
            steps=tuple(plan.steps),
            per_step=plan.per_step,
            per_head=plan.per_head,
            reads=self._request.reads,
            stacks=stacks,
            component_shares=shares,
            component_sites=tuple(layer.site.name for layer in plan.self_layers),
            model=self._model,
            versions=installed_versions(),
        )
        return AttentionMaps(info, tuple(mean.numpy() for mean in self.watch.means(branch)), components)
