"""Weights of a network in 16-bit floating point, and nothing else of it.

Not a model loaded in 16 bits, which also computes its constants in them (DeBERTa's then come out wrong), and not
OpenVINO's own compression, which also rounds rotary frequencies, an error that grows with the position. Knows
networks; does not know what they are for.
"""

from __future__ import annotations

from typing import Any

_SMALL = 1024  # numbers; below it a constant is a scale, a bias or a table of frequencies
_LARGEST = 65504  # what 16 bits hold


def halve(network: Any) -> None:
    """Replace every large constant by its 16-bit form, which is made 32 bits again where it is used."""
    import numpy as np
    from openvino import Type, opset13

    for node in network.get_ops():
        if node.get_type_name() != "Constant" or node.get_element_type() != Type.f32:
            continue
        values = node.data
        if values.size < _SMALL or not np.abs(values).max() <= _LARGEST:
            continue
        half = opset13.convert(opset13.constant(values.astype(np.float16)), Type.f32)
        for user in node.output(0).get_target_inputs():
            user.replace_source_output(half.output(0))
