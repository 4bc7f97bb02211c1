"""What a teacher is: anything that answers a request. It refuses to know projects, stages and files."""

from typing import Protocol

from glan.records import Reply, Request


class Teacher(Protocol):
    """Anything with `async reply(request) -> Reply`: a server, a cluster, a textbook, or a wrapper around another."""

    async def reply(self, request: Request) -> Reply:
        """Answer a request.

        Raises:
            RequestError: this request will not be answered, however often it is asked.
            UnusableError: no request will be answered until a person mends something.
            StoppedError: the run is stopping and the request was not sent.

        """
        ...
