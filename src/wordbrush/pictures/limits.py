"""What a picture file may ask for, checked before anything is decoded."""

MAX_BYTES = 64 << 20
"""The largest file: 64 MiB."""
MAX_PIXELS = 50_000_000
"""The most pixels, which is what today's telephones make; decoding takes up to 16 bytes for each."""
MAX_FRAMES = 1_000
"""The most frames of an animation, of which only the first is read."""
MAX_PROFILE_BYTES = 4 << 20
"""The largest colour profile, unpacked; those of printing presses take 0.5 to 3 MiB."""
MAX_PARTS = 100_000
"""The most parts (chunks, segments) of one file."""
MAX_SCANS = 40
"""The most scans of a progressive JPEG, each of which goes over the whole picture; usual are 10."""
