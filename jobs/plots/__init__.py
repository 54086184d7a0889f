"""Pictures of the numbers, in Japanese or English. Each file takes plain values and gives a figure; `canvas` saves it.

The font comes with a package, so that a picture looks the same on every machine and nothing is fetched when it is drawn.
"""
