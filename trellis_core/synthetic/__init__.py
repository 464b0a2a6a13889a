"""A synthetic practice of any size: made-up people with made-up work, the same for the same seed.

What such a practice is like stands in ``shares``; ``team``, ``charts``, ``discharges`` and
``collaboration`` make its records, ``work`` its time. All of it goes through the bulk path of an
imported practice, so that what is measured on it is what a practice of that size would see. It never
holds anything about a real person, and never goes beside one: its store must be empty.
"""

from trellis_core.synthetic.loading import Made, Size, load_synthetic

__all__ = ("Made", "Size", "load_synthetic")
