"""What secrets look like: their names, those of the environment's variables, and the forms that some have of their own."""

from __future__ import annotations

import re

# Names by their last words, in lower case with `_` between words. Narrower than those of the environment's variables: in a
# config `pad_token`, `max_tokens` and `prompt_key` are harmless.
NAME = re.compile(
    r"(?:^|_)(?:[a-z0-9]*pass_?(?:word|wd|phrase|code)s?|(?:db|user|admin|root|ftp|smtp|mail|proxy|mysql|pg|redis|login)_?pass"
    r"|pwd|secrets?|credentials?|creds|authorization|auth|bearer|cookies?|api_?keys?|client_key_data"
    r"|(?:access|secret|private|auth|account|client|service|signing|encryption|decryption|shared|ssh|master|license|subscription"
    r"|storage|deploy|wandb|openai|anthropic|hf|sas|azure|aws|gemini|mistral|openrouter)_?keys?"
    r"|(?:hf|hub|hugging_?face|api|auth|access|refresh|bearer|session|security|personal|sas|secret|slack|oauth2?|jwt|bot|user"
    r"|client|account|admin|deploy|registry|webhook|git_?hub|git_?lab|wandb)_?tokens?)"
    r"(?:_(?:value|pem|base64|b64|string|plain|old|new|prod|dev|test))?(?:_?\d+)?$"
)
ALONE = re.compile(r"token|jwt")
# Names that mostly are something else: a secret's only if what they are given looks like one.
WEAK = re.compile(r"(?:token|key|pass|pw)$")
RANDOM = re.compile(r"[\"']?(?=[A-Za-z+/=]{0,200}\d)(?=[\d+/=]{0,200}[A-Za-z])[A-Za-z0-9+/=]{20,200}(?![\w.+/=-])")
VARIABLE = re.compile(
    r"(?:^|_)(?:API_?KEY|KEY|TOKEN|SECRET|PASSWORD|PASSWD|PASS|PASSPHRASE|PAT|CREDENTIAL|AUTH|AUTHORIZATION|COOKIE|DSN|WEBHOOK"
    r"|WEBHOOK_URL)S?(?:_(?:VALUE|PEM|BASE64|B64|STRING|OLD|NEW|PROD|DEV|TEST))?(?:_?\d+)?$|._PWD$"
)
FORMS = {
    "a Hugging Face token": r"\b(?:hf_|api_org_)[A-Za-z0-9]{20,}",
    "an API key": r"\b(?:sk-[A-Za-z0-9]{32,}|sk-(?:ant|proj|svcacct|or-v1|lf)-[\w-]{32,}|wandb_v1_\w{20,}"
    r"|(?:AKIA|ASIA)[0-9A-Z]{16}\b|AIza[\w-]{35}|[sr]k_(?:live|test)_\w{20,}|SG\.[\w-]{22}\.[\w-]{43}"
    r"|(?:gsk|r8|fw|figd|ntn|tgp_v1|dop_v1|lsv2_[ps]t|whsec)_\w{20,}"
    r"|(?:nvapi|xai|pplx|csk|tskey-[a-z]+)-[\w-]{20,}|hv[bs]\.[\w-]{20,}|glsa_\w{32,}|ya29\.[\w-]{30,}|ATATT3[\w-]{50,}"
    r"|dapi[0-9a-f]{32}\b|local-[0-9a-f]{40}\b)",
    "a package registry's token": r"\b(?:npm_[A-Za-z0-9]{36}|pypi-AgEI[\w-]{50,})",
    "a GitHub or GitLab token": r"\b(?:gh[oprsu]_[A-Za-z0-9]{30,}|github_pat_\w{30,}"
    r"|gl(?:pat|ptt|rt|cbt|dt|ft|soat)-[\w-]{20,})",
    "a Slack token": r"\bxox[abeoprs]-[\w-]{10,}",
    "a webhook's address": r"\bhooks\.slack\.com/(?:services|workflows|triggers)/[\w/-]+"
    r"|\bdiscord(?:app)?\.com/api/webhooks/\d+/[\w-]+",
    "a JSON web token": r"(?<![\w-])eyJ[\w-]{10,}\.eyJ[\w-]{10,}\.[\w-]*",
    "a private key": r"-----BEGIN [A-Z ]*PRIVATE KEY(?: BLOCK)?-----[^-]*(?:-----END [A-Z ]*-----)?"
    r"|\bAGE-SECRET-KEY-1[A-Z0-9]{50,}|\bPuTTY-User-Key-File-\d",
    "an authorization header": r"\b(?:Bearer|Basic)\s+[\w.~+/=-]{16,}",
    "a password of .netrc": r"(?m:^)[ \t]*(?:machine\s+\S+|default)\s+login\s+\S+\s+password\s+\S+",
    "a signed URL": r"[?&](?i:sig|signature|X-Amz-Signature|X-Amz-Security-Token|X-Goog-Signature)=[^&\s\"']+",
    "a password in a URL": r"(?<=://)[^/\s:@]*:[^/\s\"']+(?=@)",
    "a token in a URL": r"(?<=://)(?=[^@/\s]*\d)[\w.~%+=-]{16,}(?=@)",
}
