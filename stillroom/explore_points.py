"""Points of decision of exploring: what each sees, under which rule, and what it rules."""

from engine.programs.explore.points import HINT as HINT
from engine.programs.explore.points import INTERVENTION as INTERVENTION
from engine.programs.explore.points import JUDGING as JUDGING
from engine.programs.explore.points import PDI as PDI
from engine.programs.explore.points import RETRY as RETRY
from engine.programs.explore.points import STOPPING as STOPPING
from engine.programs.explore.points import Hint as Hint
from engine.programs.explore.points import HintRule as HintRule
from engine.programs.explore.points import HintSaw as HintSaw
from engine.programs.explore.points import Intervention as Intervention
from engine.programs.explore.points import InterventionRule as InterventionRule
from engine.programs.explore.points import InterventionSaw as InterventionSaw
from engine.programs.explore.points import Judged as Judged
from engine.programs.explore.points import JudgingRule as JudgingRule
from engine.programs.explore.points import JudgingSaw as JudgingSaw
from engine.programs.explore.points import Next as Next
from engine.programs.explore.points import PdiRuling as PdiRuling
from engine.programs.explore.points import Retry as Retry
from engine.programs.explore.points import RetryRule as RetryRule
from engine.programs.explore.points import RetrySaw as RetrySaw
from engine.programs.explore.points import StoppingRule as StoppingRule
from engine.programs.explore.points import StoppingSaw as StoppingSaw
