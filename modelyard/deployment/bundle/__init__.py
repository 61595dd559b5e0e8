"""Everything that a host without a network needs, in one signed file: made, checked, installed.

`layout` names what is in it; `archive` and `opened` know its bytes, `signature` and `checksums` who vouches for them.
"""
