"""Step scorers over language models as transformers models, `model_type="hrm_reward"`, through the extra `hf`.

Importing this package registers them with transformers' Auto classes; a saved folder also loads with
`trust_remote_code=True`, which imports it.

    configuration.py  what such a model is made of      steps.py    where steps end in a row of token ids
    modeling.py       the two classes                   convert.py  a folder out of a training run
"""

try:
    import transformers as _transformers
except ImportError:
    raise ImportError('hrm_net.hf needs transformers: pip install "hrm-net[hf]"') from None

from hrm_net.hf.configuration import HRMRewardConfig
from hrm_net.hf.convert import save_for_transformers
from hrm_net.hf.modeling import HRMForSequenceClassification, HRMForTokenClassification

__all__ = ["HRMForSequenceClassification", "HRMForTokenClassification", "HRMRewardConfig", "save_for_transformers"]

_transformers.AutoConfig.register(HRMRewardConfig.model_type, HRMRewardConfig, exist_ok=True)
_transformers.AutoModelForTokenClassification.register(HRMRewardConfig, HRMForTokenClassification, exist_ok=True)
_transformers.AutoModelForSequenceClassification.register(HRMRewardConfig, HRMForSequenceClassification, exist_ok=True)
