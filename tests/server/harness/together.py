"""Functions that run at the same time, each in a thread."""

import threading


def run_all(*functions):
    """Returns when all have ended; the first of their errors, assertions included, is raised here."""
    errors = []

    def run(function):
        try:
            function()
        except BaseException as error:  # pylint: disable=broad-except
            errors.append(error)

    threads = [threading.Thread(target=run, args=(function,)) for function in functions]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]
