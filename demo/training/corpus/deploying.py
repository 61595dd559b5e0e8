"""Bringing the service to one host or many, with containers or Ansible."""

from __future__ import annotations

from .intent import Intent

DEPLOY_COMMAND = "```bash\nmake deploy\n```"
ANSIBLE_COMMAND = "```bash\nansible-playbook playbooks/site.yml -i inventory\n```"

INTENTS: tuple[Intent, ...] = (
    Intent(
        "deploy.howto",
        (
            f"`make deploy` puts the service on one host, in containers:\n\n{DEPLOY_COMMAND}\n\nFor many hosts use the Ansible playbook.",
        ),
        do=(
            "[deploy|install|roll out|set up|ship|publish] [it|Modelyard|the service|the stack|{a} {model}|{a} {service}|everything][| on a server| on one host| to my server| in production| on a host| on a machine]",
            "[put|bring|get|move] [it|Modelyard|the service|{a} {model}|{a} {service}] [on a server|into production|onto one host|to production|on my server|live]",
            "[install|set up] Modelyard",
            "go [live|to production]",
        ),
        ask=(
            "how [do|can|would|could] I [bring|put|get|install] [the service|it|Modelyard|everything] [onto|to|on] [my server|a server|one host|our server|the machine in the data center]?",
            "[which|what] command [is used|is there|do I use|does one use] [for|to do] [deployment|deploying|a deployment]?",
            "what is the [easiest|best|simplest|usual|quickest] way [of|for] [deploying|installing|shipping] [Modelyard|it|the service]?",
            "[deploy|install] [the whole thing|all of it|everything] [on|to] [one host|a server|one machine]",
            "[what does|what is|explain] [make deploy|the deploy command|`make deploy`][| do| for][?|]",
            "[deploy|deployment|deploying|installation|rollout|production][?|]",
            "[which command deploys the service|how does deployment work|how does installation work|what are the deployment options|how is Modelyard installed|which ways of deployment are there|where can I deploy it]?",
            "everything works on my laptop, how do I [deploy it|put it on a server|bring it to production]?",
        ),
        what=("make deploy", "deployment", "the deploy command", "deploying", "installation"),
        more=(
            "Deployment has two ways.\n\n"
            f"1. One host: `make deploy` builds and starts the containers of Triton and the gateway.\n"
            "2. Many hosts: list the hosts in an inventory and run the Ansible playbook.\n\n"
            f"{DEPLOY_COMMAND}\n\n{ANSIBLE_COMMAND}\n\n"
            "After the start, wait until `/health/ready` answers, then let clients in. "
            "Set an API key before the service listens on anything but loopback, and let Prometheus read `/metrics`. "
            "A later deployment with a new model follows the same steps."
        ),
        command=DEPLOY_COMMAND,
        weight=2.2,
    ),
    Intent(
        "deploy.ansible",
        (f"Write your hosts into an inventory and run the Ansible playbook:\n\n{ANSIBLE_COMMAND}",),
        do=(
            "[deploy|install|roll out|set up|ship|bring|run] [it|Modelyard|the service|the stack|a model|models] [to|on|onto|across] [many|several|multiple|ten|all|five|a hundred|more than one|all our|a fleet of|two] {hosts}",
            "[deploy|install|roll out|set up] [it|Modelyard|the service|the stack|models] [with|using|through|by] Ansible",
            "[use|run|start] [Ansible|the playbook|the Ansible roles|the Ansible playbook]",
            "[manage|provision|configure] [many|several|multiple|a fleet of|a cluster of] {hosts}",
        ),
        ask=(
            "[we have|I have|there are|I own] [two|three|five|ten|twelve|twenty|fifty|a hundred|a dozen|lots of] {hosts}[. How do we|, how do I|. How can I] [install|deploy|set up|roll out] [it|Modelyard|the service] [on|to] [all of them|each of them|all|every one]?",
            "what is the Ansible [command|call|playbook][| for deploying| for deployment| to use]?",
            "[deploy|install|roll out] to [a fleet|a cluster|a group|dozens] of {hosts}[| with a playbook| with Ansible]",
            "[is there|do you have|does Modelyard have|do you support] [an Ansible playbook|Ansible roles|Ansible|a playbook|Ansible support]?",
            "[Ansible|ansible|the playbook|playbook command|multi-host deployment][?|]",
            "I have [ten|many|several|three|twenty|multiple|a lot of] {hosts}, [how do I deploy|what do I do|how do I install it on all of them]?",
            "[does it scale to many hosts|can it run on many hosts|can I use more than one server|how do I scale out]?",
        ),
        what=("the Ansible playbook", "the Ansible roles", "the playbook", "playbooks/site.yml"),
        command=ANSIBLE_COMMAND,
        weight=1.7,
    ),
    Intent(
        "deploy.inventory",
        (
            "An inventory is a file that lists the hosts for Ansible:\n\n```ini\n[modelyard]\nhost1.example\nhost2.example\n```",
        ),
        do=(
            "[write|create|make|fill in] [an|the|my] [inventory|inventory file|Ansible inventory|list of hosts]",
            "[add|register] a [host|server|machine] to the inventory",
        ),
        ask=(
            "[what does|how does] [an inventory|the inventory|the inventory file] look like?",
            "[where|how] do I [list|name|write down] [my hosts|the hosts|my servers]?",
            "[show me|give me] an [inventory|inventory example|example inventory]",
        ),
        what=("an inventory", "the inventory", "the inventory file", "an Ansible inventory"),
        weight=0.9,
    ),
    Intent(
        "deploy.containers",
        (
            "Yes: Triton and the gateway run in containers. `make deploy` builds and starts them on one host, and Ansible does so on many.",
        ),
        do=(
            "[run|use|start|deploy|install] [it|Modelyard|the service|the stack] [in|with|as] [containers|a container|Docker|Podman|docker]",
            "[build|start|create] the [containers|container images|images|container]",
        ),
        ask=(
            "[can|could|may] I [run|put|have|keep] [everything|it all|all parts|it|Modelyard] [in|inside] [Docker containers|Docker|containers|a container|podman]?",
            "are [there container images|container images available|images available|there Docker images|containers used]?",
            "[is there|do you have|are there|does Modelyard have] [a container|a container image|a Docker image|containers|container images|an image for Docker]?",
            "[does it|does Modelyard|can it] [run|work] in [containers|a container|Docker]?",
            "[containers|docker|Docker|container deployment|what about containers|podman][?|]",
        ),
        what=("the containers", "containers in Modelyard", "the container images", "Docker support"),
        weight=1.1,
    ),
    Intent(
        "deploy.update",
        (
            "Pull and convert the new model, then run `make deploy` or the Ansible playbook again. The steps are the same as the first time.",
        ),
        do=(
            "[update|upgrade|refresh] [the service|Modelyard|a deployment|the deployment|my installation]",
            "[replace|swap|exchange|change|update] the [model|deployed model|model in production|running model]",
            "[deploy|roll out] a [new|newer] [version|model version|release]",
        ),
        ask=(
            "how [do|can|would] I [roll out|deploy|switch to|bring in|install] [a newer|a new|the latest|an updated|another] [model|version|release]?",
            "[there is a new model|I have a new model version], how do I [deploy it|roll it out|update]?",
            "how do updates work?",
        ),
        weight=0.8,
    ),
)
