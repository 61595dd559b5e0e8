"""The image that a test's host runs: Debian with systemd as process 1, an SSH server, Python and sudo.

A fresh cloud machine has as much. Docker, HAProxy and whatever else the roles install are not in it; their packages lie
in apt's cache, so that a host made for a test does not download them again.
Knows Docker's command line; does not know what is tested.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from tests.deploy import base_images

CERTIFICATES = Path("/usr/local/share/ca-certificates")
USER = "keeper"

# Only downloaded: installing them is what the roles are for.
CACHED_PACKAGES = (
    "docker.io python3-docker haproxy nftables chrony acl rsync python3-requests curl jq cgroupfs-mount "
    "python3-venv python3-pip libgomp1 ca-certificates gnupg logrotate unattended-upgrades "
    "prometheus prometheus-node-exporter zstd"
)

DOCKERFILE = f"""\
FROM {base_images.DEBIAN}
RUN printf '#!/bin/sh\\nexit 101\\n' > /usr/sbin/policy-rc.d && chmod 755 /usr/sbin/policy-rc.d \\
 && rm -f /etc/apt/apt.conf.d/docker-clean \\
 && apt-get update \\
 && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends \\
    systemd systemd-sysv dbus openssh-server python3 python3-apt sudo iproute2 iptables kmod procps ca-certificates \\
 && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends --download-only {CACHED_PACKAGES} \\
 && rm -f /usr/sbin/policy-rc.d /var/lib/apt/lists/*_* && touch -d @0 /var/lib/apt/lists
COPY certificates/ /usr/local/share/ca-certificates/
RUN update-ca-certificates \\
 && useradd --create-home --shell /bin/bash {USER} \\
 && printf '{USER} ALL=(ALL) NOPASSWD: ALL\\n' > /etc/sudoers.d/{USER} \\
 && printf 'UseDNS no\\nMaxStartups 100\\n' > /etc/ssh/sshd_config.d/tests.conf \\
 && systemctl set-default multi-user.target \\
 && systemctl enable ssh.service \\
 && systemctl mask getty.target console-getty.service systemd-logind.service systemd-udevd.service \\
    systemd-udev-trigger.service apt-daily.timer apt-daily-upgrade.timer
STOPSIGNAL SIGRTMIN+3
CMD ["/lib/systemd/systemd"]
"""


def ensure() -> str:
    """The tag of the image, built if this engine has none that is made from these lines."""
    tag = f"modelyard-test-host:{hashlib.sha256(DOCKERFILE.encode()).hexdigest()[:12]}"
    if subprocess.run(["docker", "image", "inspect", tag], capture_output=True, check=False).returncode == 0:
        return tag
    with tempfile.TemporaryDirectory() as folder:
        certificates = Path(folder) / "certificates"
        certificates.mkdir()
        (certificates / "README").write_text("What this machine trusts besides Debian's own list.\n")
        if CERTIFICATES.is_dir():
            for certificate in CERTIFICATES.rglob("*.crt"):
                shutil.copyfile(certificate, certificates / certificate.name)
        (Path(folder) / "Dockerfile").write_text(DOCKERFILE)
        environment = {**os.environ, "DOCKER_BUILDKIT": "0"}  # one builder on every engine that runs tests
        subprocess.run(["docker", "build", "--quiet", "--tag", tag, folder], env=environment, check=True)
    return tag
