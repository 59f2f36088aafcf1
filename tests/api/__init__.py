import pytest

# Its assertions are to say as much as those of the tests.
pytest.register_assert_rewrite("tests.api.client")
