"""Every sampler takes exactly the steps that its own pipeline takes."""

import diffusers
import pytest
import torch
from diffusers import FlowMatchEulerDiscreteScheduler, StableDiffusionPipeline

from helpers.rounding import assert_same, assert_same_latents
from wordbrush.editor import Editor
from wordbrush.errors import SettingsError
from wordbrush.models.solvers import SAMPLERS, diffusion_solver, flow_solver
from wordbrush.sampling.rates import Rates, fresh_noise, mixed
from wordbrush_bench.tiny.stable_diffusion import tiny_sd_folder

CONFIG = {
    "beta_start": 0.00085,
    "beta_end": 0.012,
    "beta_schedule": "scaled_linear",
    "set_alpha_to_one": False,
    "steps_offset": 1,
}
CLASSES = {
    "ddim": "DDIMScheduler",
    "pndm": "PNDMScheduler",
    "euler": "EulerDiscreteScheduler",
    "dpm++": "DPMSolverMultistepScheduler",
    "lcm": "LCMScheduler",
}
FLOW = {"base_shift": 0.5, "max_shift": 1.15, "use_dynamic_shifting": True}
PROMPT = "a dog eating an apple"


@pytest.fixture(scope="module", params=["epsilon", "v_prediction"])
def folder(request, tmp_path_factory):
    return tiny_sd_folder(tmp_path_factory.mktemp("solvers") / "model", prediction_type=request.param)


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # numpy's, of diffusers' own code
@pytest.mark.parametrize("sampler", CLASSES)
def test_a_plain_picture_is_the_pipelines_bit_for_bit(folder, sampler):
    pipeline = StableDiffusionPipeline.from_pretrained(folder, local_files_only=True)
    pipeline.set_progress_bar_config(disable=True)
    own = {"skip_prk_steps": True} if sampler == "pndm" else {}
    pipeline.scheduler = getattr(diffusers, CLASSES[sampler]).from_config(pipeline.scheduler.config, **own)
    run = {"num_inference_steps": 5, "guidance_scale": 4.0}
    generator = torch.Generator().manual_seed(3)
    expected = pipeline(PROMPT, generator=generator, output_type="latent", **run).images
    editor = Editor.from_pretrained(folder, "cpu")
    source = editor.generate(PROMPT, seed=3, sampler=sampler, **run)
    assert torch.equal(source.latents, expected)
    assert source.record.generation.sampler == sampler


@pytest.mark.parametrize("sampler", CLASSES)
def test_an_edit_of_any_sampler_is_the_same_beside_its_source_and_after_it(tiny_folder, sampler):
    """Noise that a sampler draws is the source's in every target."""
    editor = Editor.from_pretrained(tiny_folder, "cpu")
    run = {"num_inference_steps": 4, "seed": 1, "guidance_scale": 4.0, "sampler": sampler}
    targets = ["a cat eating an apple", "a red dog eating an apple"]
    source = editor.generate(PROMPT, **run)
    together = editor.generate_and_edit(PROMPT, targets, **run)
    for later, beside in zip(editor.edit(source, targets), together, strict=True):
        assert_same_latents(later.latents, beside.latents)
    same = editor.edit(source, PROMPT, equalizer={"apple": 1 + 1e-9}).latents
    assert_same_latents(same, source.latents)
    assert editor.replay(together[0].record)[0].image.tobytes() == together[0].image.tobytes()


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_latents_of_a_level_are_split_into_what_they_were_mixed_of(sampler):
    solver = diffusion_solver({**CONFIG, "prediction_type": "epsilon"}, 6, torch.device("cpu"), sampler, 0)
    clean, noise = torch.randn(2, 1, 4, 3, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    start = solver.start(noise)
    for timestep in solver.timesteps:
        latents = solver.noised(clean, start, timestep)
        parts = solver.split(noise, timestep, latents)
        assert_same(parts.clean, clean, products=4, amplified=10)
        assert_same(mixed(parts, solver.rates(timestep)), latents, products=4, amplified=10)
    parts = [solver.part(timestep) for timestep in solver.timesteps]
    assert 0 <= parts[-1] <= parts[0] <= 1
    assert solver.rates_after(solver.timesteps[-1]).noise < 0.05


@pytest.mark.parametrize("sigmas", [None, [1.0, 0.75, 0.5, 0.25]])
@pytest.mark.parametrize("image_tokens", [256, 1024, 4096])
def test_flow_steps_are_those_of_the_scheduler(image_tokens, sigmas):
    from diffusers.pipelines.flux.pipeline_flux import calculate_shift

    solver = flow_solver(FLOW, 4, torch.device("cpu"), image_tokens, sigmas)
    scheduler = FlowMatchEulerDiscreteScheduler.from_config(FLOW)
    mu = calculate_shift(image_tokens, 256, 4096, 0.5, 1.15)
    scheduler.set_timesteps(*([4] if sigmas is None else []), mu=mu, **({"sigmas": sigmas} if sigmas else {}))
    assert torch.equal(solver.timesteps, scheduler.timesteps)
    generator = torch.Generator().manual_seed(0)
    mine = theirs = torch.randn(2, 4, 3, 3, generator=generator)
    for timestep in solver.timesteps:
        velocity = torch.randn(2, 4, 3, 3, generator=generator)
        parts = solver.split(velocity, timestep, mine)
        assert_same(mixed(parts, solver.rates(timestep)), mine, products=4, amplified=10)
        euler = mixed(parts, solver.rates_after(timestep))
        mine = solver.step(velocity, timestep, mine)
        theirs = scheduler.step(velocity, timestep, theirs, return_dict=False)[0]
        assert torch.equal(mine, theirs)
        assert_same(euler, mine, products=4, amplified=10)


def test_the_first_level_of_a_flow_is_noise_alone_and_nothing_is_divided_by_its_signal():
    solver = flow_solver({}, 4, torch.device("cpu"), 16, [1.0, 0.75, 0.5, 0.25])
    assert solver.rates(solver.timesteps[0]) == Rates(0.0, 1.0)
    noise, velocity = torch.randn(2, 1, 4, 2, 2)
    assert torch.isfinite(solver.split(velocity, solver.timesteps[0], noise).clean).all()


def test_fresh_noise_of_a_flow_keeps_the_level():
    """What a step keeps of the old noise and what it draws are together the noise of the next level."""
    now, to = Rates(0.4, 0.6), Rates(0.7, 0.3)
    drawn = fresh_noise(now, to)
    assert 0 < drawn < to.noise
    assert fresh_noise(Rates(0.6, 0.8), Rates(0.8, 0.6)) == pytest.approx(0.6 / 0.8 * (1 - 0.75**2) ** 0.5)


@pytest.mark.parametrize(("sampler", "steps", "says"), [("heun", 4, "there is no sampler 'heun'"), ("lcm", 60, "60")])
def test_what_is_not_there_is_told(sampler, steps, says):
    with pytest.raises(SettingsError, match=says):
        diffusion_solver(CONFIG, steps, torch.device("cpu"), sampler, 0)


def test_the_models_own_sampler_is_known_by_its_class():
    named = {**CONFIG, "_class_name": "EulerDiscreteScheduler"}
    assert diffusion_solver(named, 4, torch.device("cpu"), "own", 0).name == "euler"
    with pytest.raises(SettingsError, match="own sampler is KarrasVeScheduler, which is not known"):
        diffusion_solver({**CONFIG, "_class_name": "KarrasVeScheduler"}, 4, torch.device("cpu"), "own", 0)
