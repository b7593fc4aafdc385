"""One classifier in two frameworks on a CPU: accuracy and time of many networks.

Importing loads nothing.
"""
