"""Bad CSV, TRC, SPEED21 and Parquet files."""

import struct
from pathlib import Path
from typing import Any

from malformed_parts import Maker, bytes_file, case, cut, edited

case("not UTF-8", "deeplabcut", "UTF-8", edited("deeplabcut", b"leftear", b"\xff\xfeear"))
case("binary inside", "deeplabcut", "binary", edited("deeplabcut", b"leftear", b"left\0ear"))
case("ragged", "deeplabcut", "line 6 must have 7 cells", edited("deeplabcut", b"2,5.0,6.0", b"2,5.0"))
case("truncated", "deeplabcut", "cells", cut("deeplabcut", 0.95))
case("word", "deeplabcut", "line 4 must be a number", edited("deeplabcut", b"1.50", b"left"))
case("huge", "deeplabcut", "within 1e", edited("deeplabcut", b"1.50", b"1e300"))
case("infinite", "deeplabcut", "within 1e", edited("deeplabcut", b"1.50", b"inf"))
case("frame twice", "deeplabcut", "one twice", edited("deeplabcut", b"\n2,", b"\n0,"))
case("column twice", "deeplabcut", "be one column", edited("deeplabcut", b"rightear", b"leftear"))
case("no bodyparts", "deeplabcut", "bodyparts", edited("deeplabcut", b"bodyparts", b"parts"))
case("no x", "deeplabcut", "x and y", edited("deeplabcut", b"coords,x,y,likelihood,x,y", b"coords,a,b,c,a,b"))
case("x without y", "deeplabcut", "x and y of each", edited("deeplabcut", b"coords,x,y", b"coords,x,b"))
case("header of other width", "deeplabcut", "cells", edited("deeplabcut", b"scorer,DLC_net,", b"scorer,"))
case("word", "lightning_pose", "must be a number", edited("lightning_pose", b"1.5", b"?"))
case("underscore", "deeplabcut", "line 4 must be a number", edited("deeplabcut", b"1.50", b"1_50"))
case("ragged", "lightning_pose", "cells", edited("lightning_pose", b"1.5,", b""))
case("huge", "lightning_pose", "within 1e", edited("lightning_pose", b"1.5", b"9e99"))

case("word", "wide_csv", "must be a number", edited("mediapipe", b"0.1000", b"nose"))
case("underscore", "wide_csv", "must be a number, received 0_1:", edited("mediapipe", b"0.1000", b"0_1"))
case("underscore in a frame", "wide_csv", "whole number", edited("mediapipe", b"\n2,", b"\n0_2,"))
case("word for a depth", "wide_csv", "L0_z in line 2 must be a number", edited("mediapipe", b"-0.1000", b"far"))
case("huge depth", "wide_csv", "depth must be within 1e", edited("mediapipe", b"-0.1000", b"1e300"))
case("ragged", "wide_csv", "cells", edited("mediapipe", b"0.1000,", b""))
case("huge", "wide_csv", "within 1e", edited("mediapipe", b"0.1000", b"1e300"))
case("frame of half", "wide_csv", "whole number", edited("mediapipe", b"\n2,", b"\n2.5,"))
case("frame of nothing", "wide_csv", "whole number", edited("mediapipe", b"\n2,", b"\nnan,"))
case("frame beyond 53 bits", "wide_csv", "whole number", edited("mediapipe", b"\n2,", b"\n1e300,"))
case("frame twice", "wide_csv", "one twice", edited("mediapipe", b"\n2,", b"\n1,"))
case("truncated", "wide_csv", "cells", cut("mediapipe", 0.8))
case("no points", "wide_csv", "name columns", bytes_file("wide_csv", b"frame,time\n1,2\n"))
case("word", "tidy_csv", "must be a number", edited("mediapipe_long", b"200.50", b"nose"))
case("underscore", "tidy_csv", "must be a number", edited("mediapipe_long", b"200.50", b"20_0"))
case("ragged", "tidy_csv", "cells", edited("mediapipe_long", b"200.50,", b""))
case("huge", "tidy_csv", "within 1e", edited("mediapipe_long", b"200.50", b"-1e300"))
case("landmark twice", "tidy_csv", "one twice", edited("mediapipe_long", b"\n0,1,", b"\n0,0,"))
case("landmark of a million", "tidy_csv", "below 2,000", edited("mediapipe_long", b"\n0,1,", b"\n0,1000000,"))
case("landmark below 0", "tidy_csv", "whole number", edited("mediapipe_long", b"\n0,1,", b"\n0,-1,"))
case("frame of nothing", "tidy_csv", "whole number", edited("mediapipe_long", b"\n0,1,", b"\n,1,"))
case("no landmark", "tidy_csv", "column of keypoint", edited("mediapipe_long", b"Landmark_ID", b"what"))

case("word", "trc", "must be a number", edited("trc", b"0.10", b"head"))
case("underscore", "trc", "line 6 must be a number", edited("trc", b"0.10", b"0_1"))
case("underscore in the rate", "trc", "DataRate must be a number", edited("trc", b"60\t60\t3", b"6_0\t60\t3"))
case("word for a depth", "trc", "line 6 must be a number", edited("trc", b"-1.0\t", b"near\t"))
case("ragged", "trc", "cells", edited("trc", b"0.10\t", b""))
case("ragged later", "trc", "cells", edited("trc", b"0.14\t", b""))
case("huge", "trc", "within 1e", edited("trc", b"0.10", b"1e300"))
case("rate of text", "trc", "DataRate", edited("trc", b"60\t60", b"fast\t60"))
case("no header", "trc", "PathFileType", edited("trc", b"PathFileType", b"Path"))
case("header only in part", "trc", "5 lines", cut("trc", 0.2))
case("marker twice", "trc", "different names", edited("trc", b"RKnee", b"Head"))
case("no markers", "trc", "different names", edited("trc", b"Head\t\t\tRKnee", b"\t\t\t"))
case("frame twice", "trc", "one twice", edited("trc", b"\n2\t", b"\n1\t"))
case("not UTF-8", "trc", "UTF-8", edited("trc", b"RKnee", b"\xe9nee"))

case("word", "speed21", "of numbers", edited("speed21", b"100.5", b"left"))
case("wrong count", "speed21", "hold 16 pairs", edited("speed21", b"4#100.5,200;", b"4#"))
case("not pairs", "speed21", "pairs", edited("speed21", b"100.5,200", b"100.5"))
case("no mark", "speed21", "frame#", edited("speed21", b"2#NULL", b"2 NULL"))
case("frame twice", "speed21", "one twice", edited("speed21", b"2#", b"1#"))
case("frame of text", "speed21", "frame#", edited("speed21", b"2#", b"two#"))
case("huge", "speed21", "within 1e", edited("speed21", b"100.5", b"1e99"))


def table(metadata: dict[str, str] | None = None, /, **columns: Any) -> Maker:
    def make(folder: Path) -> Path:
        import pyarrow
        from pyarrow import parquet as files

        files.write_table(pyarrow.table(columns).replace_schema_metadata(metadata), folder / "bad.parquet")
        return folder / "bad.parquet"

    return make


TIDY = {"frame": [1, 2], "keypoint": ["a", "a"], "x": [1.0, 2.0], "y": [3.0, 4.0]}
case("table: no poses", "parquet", "name columns of x and y", table(speed=[1, 2]))
case("table: positions of text", "parquet", "be numbers", table(**TIDY | {"x": ["1", "2"]}))
case("table: frame of half", "parquet", "whole number", table(**TIDY | {"frame": [1.5, 2.0]}))
case("table: keypoint twice", "parquet", "one twice", table(**TIDY | {"frame": [1, 1]}))
case("table: huge", "parquet", "within 1e", table(**TIDY | {"x": [1e300, 1.0]}))
case("table: size of text", "parquet", "Parquet", table({"kerasmooth": '{"unit": 1, "image_size": "big"}'}, **TIDY))
case("footer only", "parquet", "Parquet", bytes_file("parquet", b"PAR1" + struct.pack("<I", 1 << 30) + b"PAR1"))
