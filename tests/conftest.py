from hypothesis import settings

# Short runs for everybody; what a run finds is not kept, so that the next is as good as on another machine.
settings.register_profile("hubbub", deadline=None, max_examples=50, stateful_step_count=40, database=None)
settings.load_profile("hubbub")
