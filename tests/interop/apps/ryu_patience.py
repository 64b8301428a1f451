"""Loaded beside ofctl_rest: replies of many parts may take longer than the second that it waits by default."""

from ryu.base import app_manager
from ryu.lib import ofctl_utils

ofctl_utils.DEFAULT_TIMEOUT = 20.0


class Patience(app_manager.RyuApp):
    """Nothing more than the setting above."""
