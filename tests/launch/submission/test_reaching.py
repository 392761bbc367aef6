"""Where the cluster is, and its token."""

import pytest

from launch.submission.reaching import find_address, use_token


@pytest.mark.parametrize(
    ("option", "variables", "found"),
    [
        ("http://head:8265/", {"RAY_API_SERVER_ADDRESS": "http://other:1"}, "http://head:8265"),
        (None, {"RAY_API_SERVER_ADDRESS": "https://jobs", "RAY_ADDRESS": "http://other:1"}, "https://jobs"),
        (None, {"RAY_ADDRESS": "http://head:8265"}, "http://head:8265"),
    ],
)
def test_the_address_is_the_options_or_the_environments(environment, option, variables, found):
    environment.update(variables)
    assert find_address(option) == found


@pytest.mark.parametrize(
    ("option", "variables", "words"),
    [
        ("head:8265", {}, "--address head:8265 is not a URL"),
        ("ray://head:10001", {}, "is not a URL"),
        (None, {"RAY_ADDRESS": "10.0.0.1:6379"}, "a GCS address cannot take jobs"),
        (None, {}, "pass --address URL or set RAY_API_SERVER_ADDRESS"),
    ],
)
def test_an_address_that_takes_no_jobs_is_refused(environment, option, variables, words):
    environment.update(variables)
    with pytest.raises(ValueError, match=words):
        find_address(option)


def test_the_token_is_found_where_ray_looks_for_it(environment, tmp_path):
    assert use_token() is None
    assert "RAY_AUTH_MODE" not in environment
    default = tmp_path / ".ray/auth_token"
    default.parent.mkdir()
    default.write_text("a\n")
    environment["RAY_AUTH_MODE"] = "disabled"
    assert use_token() is None
    del environment["RAY_AUTH_MODE"]
    assert use_token() == str(default)
    assert environment["RAY_AUTH_MODE"] == "token"
    (tmp_path / "named").write_text("b")
    environment["RAY_AUTH_TOKEN_PATH"] = str(tmp_path / "named")
    assert use_token() == str(tmp_path / "named")
    environment["RAY_AUTH_TOKEN"] = "c"
    assert use_token() == "RAY_AUTH_TOKEN"


@pytest.mark.parametrize("variables", [{"RAY_AUTH_MODE": "token"}, {"RAY_AUTH_TOKEN_PATH": "/does/not/exist"}])
def test_a_missing_token_is_named(environment, variables):
    environment.update(variables)
    with pytest.raises(ValueError, match="RAY_AUTH_TOKEN_PATH"):
        use_token()
