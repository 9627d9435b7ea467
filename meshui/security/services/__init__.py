"""Changes of what keeps the mesh secure: its authority, its access policies, how services receive."""

from meshui.security.services.authority import (
    authority_ensure,
    drop_old_records,
    serial_of,
    sign_csr,
    trust_bundle,
)
from meshui.security.services.policies import policy_create, policy_delete, policy_enforce, policy_set
from meshui.security.services.revocation import certificate_revoke, identity_allow, renewal_order
from meshui.security.services.settings import setting_set

__all__ = [
    "authority_ensure",
    "certificate_revoke",
    "drop_old_records",
    "identity_allow",
    "policy_create",
    "policy_delete",
    "policy_enforce",
    "policy_set",
    "renewal_order",
    "serial_of",
    "setting_set",
    "sign_csr",
    "trust_bundle",
]
