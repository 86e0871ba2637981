#!/usr/bin/env python3
"""Runs a GitHub workflow on this machine: workflow.py WORKFLOW.yml REPOSITORY STATE.json

It knows what the workflows beside it use: jobs with needs, if, container and outputs; steps with run, env, id and these
actions: actions/checkout, actions/setup-node, dorny/paths-filter and composite actions by their path. Anything else is an
error. STATE.json: {"secrets": {}, "vars": {}, "before": "the commit that was deployed last"}. Prints a line for each job and
step; ends with 1 when a step fails. Summaries of steps are appended to $RESULTS/summary.
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
DOCKER = os.environ.get("DOCKER", "/usr/bin/docker")


class Failed(Exception):
    pass


def look_up(path, context):
    value = context
    for name in path.split("."):
        value = value.get(name, "") if isinstance(value, dict) else ""
    return "" if value is None else value


def filled(text, context):
    return re.sub(r"\$\{\{\s*(.+?)\s*\}\}", lambda match: str(look_up(match[1], context)), str(text))


def holds(condition, context):
    match = re.fullmatch(r"(?:\$\{\{)?\s*([\w.-]+)\s*(==|!=)\s*'([^']*)'\s*(?:\}\})?", str(condition))
    if not match:
        raise Failed(f"cannot read the condition: {condition}")
    return (look_up(match[1], context) == match[3]) == (match[2] == "==")


def pairs_of(path):
    with open(path) as file:
        return dict(line.rstrip("\n").split("=", 1) for line in file if "=" in line)


class Job:
    def __init__(self, job, repository, state, needs):
        self.folder = tempfile.mkdtemp(prefix="gantry-ci-job-")
        self.workspace = os.path.join(self.folder, "workspace")
        os.mkdir(self.workspace)
        self.repository, self.before, self.job = repository, state.get("before"), job
        self.context = {"secrets": state["secrets"], "vars": state["vars"], "needs": needs, "steps": {},
                        "github": {"server_url": "", "action_repository": "", "action_ref": ""}}
        self.env, self.path = {}, []
        self.container = filled(job["container"], self.context) if "container" in job else None

    def run(self, step, context, extra):
        files = {name: os.path.join(self.folder, name.lower()) for name in ("GITHUB_OUTPUT", "GITHUB_ENV", "GITHUB_PATH", "GITHUB_STEP_SUMMARY")}
        for file in files.values():
            open(file, "w").close()
        env = {**self.env, **extra, **files, "CI": "true", "GITHUB_ACTIONS": "true", "RUNNER_TEMP": self.folder}
        env |= {name: filled(value, context) for name, value in step.get("env", {}).items()}
        script = os.path.join(self.folder, "script")
        with open(script, "w") as file:
            file.write(filled(step["run"], context))
        if self.container:
            words = [DOCKER, "run", "--rm", "--network=host", "-v", f"{self.folder}:{self.folder}", "-w", self.workspace]
            words += [f"--env={name}={value}" for name, value in env.items()] + [self.container, "bash", "-e", script]
            code = subprocess.run(words, timeout=600).returncode
        else:
            path = os.pathsep.join(self.path[::-1] + [os.environ["PATH"]])
            code = subprocess.run(["bash", "-e", script], cwd=self.workspace, timeout=600,
                                  env={**os.environ, **env, "PATH": path}).returncode
        self.env |= pairs_of(files["GITHUB_ENV"])
        with open(files["GITHUB_PATH"]) as file:
            self.path += file.read().split()
        with open(files["GITHUB_STEP_SUMMARY"]) as file, open(os.path.join(os.environ["RESULTS"], "summary"), "a") as out:
            out.write(file.read())
        if code:
            raise Failed(f"exit code {code}")
        return pairs_of(files["GITHUB_OUTPUT"])

    def composite(self, step, context):
        folder = os.path.join(ROOT, step["uses"])
        with open(os.path.join(folder, "action.yml")) as file:
            action = yaml.safe_load(file)
        given = {name: filled(value, context) for name, value in step.get("with", {}).items()}
        unknown = set(given) - set(action["inputs"])
        if unknown:
            raise Failed(f"the action has no input {', '.join(unknown)}")
        inputs = {}
        for name, about in action["inputs"].items():
            if about.get("required") and not given.get(name):
                raise Failed(f"the action's input {name} is missing")
            inputs[name] = given.get(name, str(about.get("default", "")))
        inside = {**context, "inputs": inputs, "steps": {}}
        for each in action["runs"]["steps"]:
            if "if" not in each or holds(each["if"], inside):
                outputs = self.run(each, inside, {"GITHUB_ACTION_PATH": folder})
                inside["steps"][each.get("id", "")] = {"outputs": outputs}
        return {name: filled(about["value"], inside) for name, about in action["outputs"].items()}

    def changed(self, step):
        names = subprocess.run(["git", "diff", "--name-only", self.before, "HEAD"], cwd=self.workspace, check=True,
                               capture_output=True, text=True).stdout.split()
        rules = yaml.safe_load(step["with"]["filters"])
        return {key: str(any(re.fullmatch(re.escape(rule).replace(r"\*\*", ".*"), name)
                             for rule in patterns for name in names)).lower() for key, patterns in rules.items()}

    def step(self, step):
        if "run" in step:
            return self.run(step, self.context, {})
        action = step["uses"].split("@")[0]
        if action == "actions/checkout":
            subprocess.run(["git", "clone", "--quiet", self.repository, self.workspace], check=True)
        elif action == "actions/setup-node":
            found = subprocess.run(["node", "--version"], check=True, capture_output=True, text=True).stdout.strip()
            print(f"    Node.js here is {found}; the workflow names {step['with']['node-version']}")
        elif action == "dorny/paths-filter":
            return self.changed(step)
        elif action.startswith("./"):
            return self.composite(step, self.context)
        else:
            raise Failed(f"this runner does not know the action {action}")
        return {}

    def all(self):
        for number, step in enumerate(self.job["steps"], 1):
            name = step.get("name") or step.get("uses") or step["run"].split("\n")[0]
            print(f"  step {number}: {name}", flush=True)
            outputs = self.step(step)
            self.context["steps"][step.get("id", "")] = {"outputs": outputs}
        return {name: filled(value, self.context) for name, value in self.job.get("outputs", {}).items()}


def main(workflow, repository, state_file):
    with open(workflow) as file:
        jobs = yaml.safe_load(file)["jobs"]
    with open(state_file) as file:
        state = json.load(file)
    done = {}
    for name, job in jobs.items():  # in the order of the file, where what is needed stands first
        needs = {each: done[each] for each in [job["needs"]] if each} if "needs" in job else {}
        if "if" in job and not holds(job["if"], {"needs": needs}):
            print(f"job {name}: skipped", flush=True)
            continue
        print(f"job {name}", flush=True)
        running = Job(job, repository, state, needs)
        try:
            done[name] = {"outputs": running.all()}
        except (Failed, subprocess.SubprocessError) as error:
            print(f"job {name} FAILED: {error}", flush=True)
            return 1
        finally:
            shutil.rmtree(running.folder, ignore_errors=True)
    return 0


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    sys.exit(main(*sys.argv[1:]))
