#!/usr/bin/env python3
"""Checks a Kubernetes Indexed Job as the API server does with strict field validation: every field has to be one of batch/v1 Job, with a
value of its type, and required fields have to be there. The part of the API that a Job with one container and a claimed volume uses, from the
Kubernetes API reference (JobSpec, PodTemplateSpec, PodSpec, Container, Volume)."""
import re
import sys

import yaml

NAME = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")


def name(value):
    return isinstance(value, str) and NAME.fullmatch(value) is not None


def text(value):
    return isinstance(value, str) and value != ""


def count(value):
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def flag(value):
    return isinstance(value, bool)


def one_of(*values):
    return lambda value: value in values


# Field: (check, required). A dict is an object, a list of one dict an array of such objects, [f] an array of values.
CONTAINER = {
    "name": (name, True), "image": (text, True), "command": ([text], False), "args": ([text], False), "workingDir": (text, False),
    "env": ([{"name": (text, True), "value": (text, False)}], False),
    "resources": ({"limits": ({"cpu": (text, False), "memory": (text, False)}, False),
                   "requests": ({"cpu": (text, False), "memory": (text, False)}, False)}, False),
    "securityContext": ({"capabilities": ({"add": ([text], False), "drop": ([text], False)}, False), "runAsUser": (count, False),
                         "allowPrivilegeEscalation": (flag, False)}, False),
    "volumeMounts": ([{"name": (name, True), "mountPath": (text, True), "readOnly": (flag, False), "subPath": (text, False)}], False),
}
POD = {
    "restartPolicy": (one_of("Never", "OnFailure"), True), "hostNetwork": (flag, False), "nodeSelector": ({}, False),
    "containers": ([CONTAINER], True),
    "volumes": ([{"name": (name, True), "persistentVolumeClaim": ({"claimName": (name, True), "readOnly": (flag, False)}, False),
                  "emptyDir": ({}, False)}], False),
}
JOB = {
    "apiVersion": (one_of("batch/v1"), True), "kind": (one_of("Job"), True), "metadata": ({"name": (name, True), "namespace": (name, False)}, True),
    "spec": ({"completionMode": (one_of("Indexed", "NonIndexed"), False), "completions": (count, False), "parallelism": (count, False),
              "backoffLimit": (count, False), "activeDeadlineSeconds": (count, False), "ttlSecondsAfterFinished": (count, False),
              "template": ({"metadata": ({"labels": ({}, False)}, False), "spec": (POD, True)}, True)}, True),
}


def check(value, rule, where, wrong):
    if isinstance(rule, dict):
        if not isinstance(value, dict):
            wrong.append(f"{where}: must be an object")
            return
        for field in value:
            if field not in rule:
                wrong.append(f"{where}.{field}: unknown field")
            else:
                check(value[field], rule[field][0], f"{where}.{field}", wrong)
        wrong.extend(f"{where}.{field}: required" for field, (_, required) in rule.items() if required and field not in value)
    elif isinstance(rule, list):
        if not isinstance(value, list) or not value:
            wrong.append(f"{where}: must be a list")
            return
        for i, item in enumerate(value):
            check(item, rule[0], f"{where}[{i}]", wrong)
    elif not rule(value):
        wrong.append(f"{where}: {value!r} is no value for it")


def check_job(job):
    wrong = []
    check(job, JOB, "job", wrong)
    if wrong:
        return wrong
    spec = job["spec"]
    pod = spec["template"]["spec"]
    volumes = [volume["name"] for volume in pod.get("volumes", [])]
    if spec.get("completionMode") != "Indexed" or "completions" not in spec:
        wrong.append("job.spec: an Indexed Job needs completionMode Indexed and completions")
    for container in pod["containers"]:
        wrong.extend(f"volumeMounts: no volume {mount['name']}" for mount in container.get("volumeMounts", []) if mount["name"] not in volumes)
    return wrong


def main():
    documents = list(yaml.safe_load_all(open(sys.argv[1], encoding="utf-8")))
    job = documents[0]
    wrong = check_job(job) if len(documents) == 1 else ["one document is wanted"]
    # The check itself must be able to fail.
    broken = yaml.safe_load(yaml.safe_dump(job))
    broken["spec"]["completionmode"] = broken["spec"].pop("completionMode", "")
    if not check_job(broken):
        wrong.append("a misspelt field was not found")
    for line in wrong:
        print(line)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
