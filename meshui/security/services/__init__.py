"""Changes of what keeps the mesh secure: its authority, its access policies, how services receive."""

from meshui.security.services.authority import (
    authority_ensure,
    drop_old_records,
    serial_of,
    sign_csr,
    signing_root,
    trust_bundle,
)
from meshui.security.services.incoming import Offer, intermediate_set, request_make, request_withdraw
from meshui.security.services.policies import policy_create, policy_delete, policy_enforce, policy_set
from meshui.security.services.providers import (
    Provided,
    fetch_due,
    keys_fetch,
    provider_create,
    provider_delete,
    provider_set,
)
from meshui.security.services.revocation import certificate_revoke, identity_allow, renewal_order
from meshui.security.services.settings import setting_set

__all__ = [
    "Offer",
    "Provided",
    "authority_ensure",
    "certificate_revoke",
    "drop_old_records",
    "fetch_due",
    "identity_allow",
    "intermediate_set",
    "keys_fetch",
    "policy_create",
    "policy_delete",
    "policy_enforce",
    "policy_set",
    "provider_create",
    "provider_delete",
    "provider_set",
    "renewal_order",
    "request_make",
    "request_withdraw",
    "serial_of",
    "setting_set",
    "sign_csr",
    "signing_root",
    "trust_bundle",
]
