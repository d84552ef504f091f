//! The reader for numpy, in a process of its own, asked about one file after the other.

use std::{
    env,
    io::{BufRead, BufReader, Write},
    path::{Path, PathBuf},
    process::{Child, ChildStdout, Command, Stdio},
};

pub(crate) struct Numpy {
    child: Child,
    ears: BufReader<ChildStdout>,
}

impl Numpy {
    /// Starts it; `None`, with a word, where there is no Python with numpy, or no reader for it (in
    /// a packaged crate).
    pub(crate) fn start() -> Option<Numpy> {
        let package = Path::new(env!("CARGO_MANIFEST_DIR"));
        let program = env::var_os("KEKBIT_PYTHON").map_or_else(|| "python3".into(), PathBuf::from);
        let folder = package.join("../python");
        let probe = Command::new(&program)
            .args(["-c", "import numpy, kekbit"])
            .env("PYTHONPATH", &folder)
            .stderr(Stdio::null())
            .status();
        if !probe.is_ok_and(|status| status.success()) {
            let required = env::var_os("KEKBIT_REQUIRE_PYTHON").is_some_and(|value| value == "1");
            assert!(!required, "`{}` has no numpy, or no kekbit", program.display());
            println!("skipped what needs Python: `{}` has no numpy", program.display());
            return None;
        }
        let mut child = Command::new(&program)
            .arg(package.join("tests/damage/look.py"))
            .env("PYTHONPATH", &folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let ears = BufReader::new(child.stdout.take().unwrap());
        Some(Numpy { child, ears })
    }

    /// What it says of a file.
    pub(crate) fn ask(&mut self, path: &Path) -> String {
        writeln!(self.child.stdin.as_mut().unwrap(), "{}", path.display()).unwrap();
        let mut answer = String::new();
        self.ears.read_line(&mut answer).unwrap();
        answer.trim_end().to_owned()
    }
}

impl Drop for Numpy {
    fn drop(&mut self) {
        // It leaves when there is nothing more to read.
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}
