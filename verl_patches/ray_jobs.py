"""Ray's job client with public names for its requests.

Missing in Ray 2.60.0's `JobSubmissionClient`: time limits (requests wait for ever), a way to phrase errors, and the headers
with which another connection is let in. Nothing is patched.
"""

from verl_patches.contract import check

check("submission")

from ray.job_submission import JobSubmissionClient


class HookedJobClient(JobSubmissionClient):
    """A subclass overrides `request` and `refuse`."""

    def request(self, method: str, endpoint: str, **kwargs):
        """Send a request; keyword arguments are those of `requests.request`. Raises Ray's and requests' errors."""
        return super()._do_request(method, endpoint, **kwargs)

    def refuse(self, response) -> None:
        """Raise an error for a response that is one."""
        super()._raise_error(response)

    @property
    def headers(self) -> dict[str, str]:
        """Headers of each request, the cluster's token among them."""
        return self._headers

    def _do_request(self, method, endpoint, **kwargs):
        return self.request(method, endpoint, **kwargs)

    def _raise_error(self, response):
        self.refuse(response)
