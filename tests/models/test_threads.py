"""One model under two threads: a notebook's panel runs in one of its own while cells run in another."""

from threading import Barrier, Thread

from wordbrush.editor import Editor

EDITS = [("a dog", "a big cat"), ("a cat riding a car", "a dog riding a car")]


def pixels(editor: Editor, prompt: str, target: str) -> list[bytes]:
    source = editor.generate(prompt, seed=1, num_inference_steps=3)
    edit = editor.edit(source, target, cross_replace_steps=1.0, self_replace_steps=1.0)
    return [source.image.tobytes(), edit.image.tobytes()]


def test_two_edits_at_a_time_are_the_same_as_one_after_the_other(tiny_folder):
    editor = Editor.from_pretrained(tiny_folder, "cpu", "float32")
    alone = [pixels(editor, *edit) for edit in EDITS]
    together: dict[int, list[bytes] | Exception] = {}
    start = Barrier(len(EDITS))

    def work(index: int) -> None:
        start.wait()
        try:
            together[index] = pixels(editor, *EDITS[index])
        except Exception as error:
            together[index] = error

    threads = [Thread(target=work, args=(index,)) for index in range(len(EDITS))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [together[index] for index in range(len(EDITS))] == alone
