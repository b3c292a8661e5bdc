"""A tracker that writes all that it is told into one file under the results."""

from ugbench.tracker import Tracker


class Training:
    def __init__(self, file):
        self.file = file

    def write(self, *words):
        with self.file.open("a") as stream:
            print(*words, file=stream)

    def scalars(self, step, values):
        for name, value in values.items():
            self.write(step, name, value)

    def images(self, step, images):
        for name, image in images.items():
            self.write(step, name, *image.shape)

    def end(self, status):
        self.write("end", status)


def start(run):
    training = Training(run.results / f"{run.id}.txt")
    training.write("start", run.id, run.config["method"])
    return training


TRACKER = Tracker(start)
