#!/usr/bin/env python3
"""Runs a GitLab pipeline on this machine: gitlab.py PIPELINE.yml REPOSITORY STATE.json

It knows what the pipelines beside it use: include of a local template with inputs, jobs with image, variables, script,
artifacts (paths, reports: dotenv) and environment, each after the one before. Anything else is an error. STATE.json:
{"secrets": {}, "vars": {}}: the project's variables. Prints a line for each job; ends with 1 when one fails. Artifacts and
a job's environment are left in $RESULTS.
"""
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile

import yaml

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
RESULTS = os.environ["RESULTS"]
DOCKER = os.environ.get("DOCKER", "/usr/bin/docker")
JOB_KEYS = {"stage", "image", "variables", "script", "artifacts", "environment"}


def known(what, names, place):
    unknown = set(what) - names
    if unknown:
        sys.exit(f"this runner does not know {', '.join(sorted(unknown))} in {place}")


# "$NAME" and "${NAME}", as GitLab expands variables inside variables, images and addresses.
def expanded(text, variables):
    return re.sub(r"\$(?:\{(\w+)\}|(\w+))", lambda m: variables.get(m[1] or m[2], ""), str(text))


def template(file, given, variables):
    with open(os.path.join(ROOT, file)) as opened:
        text = opened.read()
    header, body = text.split("\n---\n", 1)
    inputs = yaml.safe_load(header)["spec"]["inputs"]
    known(given, set(inputs), file)
    values = {}
    for name, about in inputs.items():
        if name not in given and "default" not in (about or {}):
            sys.exit(f"{file} needs the input {name}")
        values[name] = expanded(given[name], variables) if name in given else about["default"]
    return yaml.safe_load(re.sub(r"\$\[\[\s*inputs\.([\w-]+)\s*\]\]", lambda m: str(values[m[1]]), body))


def run(name, job, repository, variables):
    known(job, JOB_KEYS, name)
    folder = tempfile.mkdtemp(prefix="gantry-ci-job-")
    work = os.path.join(folder, "work")
    try:
        subprocess.run(["git", "clone", "--quiet", repository, work], check=True)
        env = {**variables, "CI": "true", "GITLAB_CI": "true", "CI_JOB_NAME": name, "CI_COMMIT_TITLE": "a commit's title"}
        env |= {key: expanded(value, env) for key, value in job.get("variables", {}).items()}
        script = os.path.join(folder, "script")
        with open(script, "w") as file:
            lines = job["script"] if isinstance(job["script"], list) else [job["script"]]
            file.write("\n".join(["set -e", *lines]) + "\n")
        words = [DOCKER, "run", "--rm", "--network=host", "-v", f"{folder}:{folder}", "-w", work]
        words += [f"--env={key}={value}" for key, value in env.items()]
        code = subprocess.run([*words, expanded(job["image"], variables), "bash", script], timeout=600).returncode
        artifacts = job.get("artifacts", {})
        known(artifacts, {"when", "expose_as", "paths", "reports"}, name)
        for path in artifacts.get("paths", []):
            if os.path.exists(os.path.join(work, path)):
                shutil.copy(os.path.join(work, path), os.path.join(RESULTS, path))
        report = os.path.join(work, artifacts.get("reports", {}).get("dotenv", "/nowhere"))
        if os.path.exists(report):
            with open(report) as file:
                variables |= dict(line.rstrip("\n").split("=", 1) for line in file)
        if "environment" in job:
            with open(os.path.join(RESULTS, "environment"), "w") as file:
                file.write(f"{job['environment']['name']} {expanded(job['environment']['url'], variables)}\n")
        return code
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def main(pipeline, repository, state_file):
    with open(pipeline) as file:
        jobs = yaml.safe_load(file)
    with open(state_file) as file:
        state = json.load(file)
    variables = {**state["vars"], **state["secrets"]}
    for include in jobs.pop("include", []):
        known(include, {"local", "inputs"}, "include")
        jobs = {**template(include["local"], include.get("inputs", {}), variables), **jobs}
    for name, job in jobs.items():
        print(f"job {name}", flush=True)
        code = run(name, job, repository, variables)
        if code:
            print(f"job {name} FAILED: exit code {code}", flush=True)
            return 1
    return 0


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    sys.exit(main(*sys.argv[1:]))
