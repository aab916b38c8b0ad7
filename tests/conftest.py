from hypothesis import settings

# No deadlines, as other programs share the machine; nothing is kept, so that a run here is as good as one elsewhere.
settings.register_profile("hubbub", deadline=None, database=None)
settings.load_profile("hubbub")
