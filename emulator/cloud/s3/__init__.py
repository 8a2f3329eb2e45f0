"""moto's S3 as a catalogue: the only module that knows moto's S3 from the inside.

moto keeps what it knows of an object in a ``FakeKey``, with the bytes. Here the bytes are a `Body` of blobs from the
moment they come in to the moment they go out (the claim check), and what moto knows is written through to rows. The
names of moto that this relies on are listed, and checked, in `emulator.cloud.s3.contract`.
"""
