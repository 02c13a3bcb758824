"""An unknown firm: its people, what happens at its mail server in one morning, and the capture of that.

people -> plan (both computed from the student's id) -> play (real sessions in a lab) -> watch (a capture file)
"""

from .lab import Firm
from .people import Person, people
from .plan import Step, plan
from .watch import watch

__all__ = ["Firm", "Person", "Step", "people", "plan", "watch"]
