"""What a person can do in Trellis: the only way in which pages and commands read and write.

A service checks the actor's permission, opens one short unit of work, calls pure code, and returns
frozen values of the actor's own practice. It never draws anything and never decides what may be
billed.
"""
