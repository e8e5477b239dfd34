# SPDX-License-Identifier: MIT
"""`waybill types`: what it prints compiles, strictly, with supabase-js."""

import shutil
import subprocess

from lib.waybill import REPO, SERVICES, run_command

NPM = REPO / "tests" / "npm" / "types"


def types(instance):
    done = run_command("types", "--config", instance.config_file)
    assert done.returncode == 0 and done.err == "", done.err
    return done.out


def compile_with(tmp_path, text, use):
    """What tsc says of the module and a file that uses it; "" when nothing."""
    tsc = NPM / "node_modules" / "typescript" / "bin" / "tsc"
    assert tsc.exists(), "./dev test installs it: npm ci in tests/npm/types"
    folder = tmp_path / "app"
    folder.mkdir()
    (folder / "node_modules").symlink_to(NPM / "node_modules")
    (folder / "package.json").write_text('{"type": "module"}')
    shutil.copy(NPM / "tsconfig.json", folder)
    (folder / "waybill.ts").write_text(text)
    (folder / "use.ts").write_text(use)
    done = subprocess.run(
        ["node", tsc, "-p", folder], capture_output=True, text=True, cwd=folder, timeout=120
    )
    assert (done.returncode == 0) == (done.stdout == ""), done.stderr
    return done.stdout


def test_the_types_compile_with_supabase_js_and_refuse_what_is_wrong(new_waybill, tmp_path):
    text = types(new_waybill())
    use = (NPM / "use.ts").read_text()
    assert use.count("@ts-expect-error") > 10
    assert compile_with(tmp_path, text, use) == ""


def test_an_expected_error_that_is_none_is_noticed(new_waybill, tmp_path):
    """The test above can fail: with a service called stripe its insert would be right."""
    services = tmp_path / "services"
    shutil.copytree(SERVICES, services)
    (services / "stripe.yaml").write_text("service: stripe\nhosts: [api.stripe.com]\n")
    text = types(new_waybill(services=str(services / "*.yaml")))
    said = compile_with(tmp_path, text, (NPM / "use.ts").read_text())
    assert said.count("Unused '@ts-expect-error'") == 2, said


def test_the_same_files_give_the_same_text_whatever_they_are_called(new_waybill, tmp_path):
    first = types(new_waybill())
    assert types(new_waybill()) == first
    services = tmp_path / "renamed"
    services.mkdir()
    for number, path in enumerate(sorted(SERVICES.glob("*.yaml"), reverse=True)):
        shutil.copy(path, services / f"{number}.yaml")
    assert types(new_waybill(services=str(services / "*.yaml"))) == first


def test_a_wrong_configuration_is_told(new_waybill):
    instance = new_waybill(services="nowhere/*.yaml")
    done = run_command("types", "--config", instance.config_file)
    assert done.returncode == 2 and done.out == "" and "nowhere" in done.err
