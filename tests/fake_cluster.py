"""A cluster in this thread that loses the tasks a test chooses."""

from icsys.engine.cluster import LostTaskError


class Fake:
    """A cluster that does a task when its result is fetched, and loses the tasks in ``losses`` once for each try."""

    dashboard = None
    tries = 2

    def __init__(self, losses, slots=3, error=LostTaskError):
        self.losses, self.slots, self.error = dict(losses), slots, error
        self.tasks, self.most, self.cancelled, self.careful = {}, 0, [], []

    def close(self):
        self.closed = True

    def submit(self, function, *arguments):
        name = f"task {len(self.careful)}"
        self.tasks[name] = function, arguments
        self.careful.append(arguments[1:])
        self.most = max(self.most, len(self.tasks))
        return name

    def wait(self, tasks, _):
        assert set(tasks) == set(self.tasks)
        return list(tasks)[-2:]

    def result(self, task):
        call, (function, item, careful) = self.tasks.pop(task)
        if self.losses.get(item, 0):
            self.losses[item] -= 1
            raise self.error(f"the worker of {item} died")
        return call(function, item, careful)

    def cancel(self, tasks):
        self.cancelled += tasks
