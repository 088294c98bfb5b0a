"""Raw dataset files -> TFRecord windows: the same as python -m kerasmooth.make_records; --help explains the flags."""

from kerasmooth.make_records import cli

if __name__ == "__main__":
    cli()
