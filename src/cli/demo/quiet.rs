//! Programs that neither ask anybody nor heed what is set up around them.

use std::process::Command;

/// Variables besides `GIT_*` that lead git elsewhere: to a proxy, or to somebody's window.
const ELSEWHERE: [&str; 7] = [
    "http_proxy",
    "https_proxy",
    "all_proxy",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "ALL_PROXY",
    "SSH_ASKPASS",
];

/// A program that runs git, or git itself, with nobody's configuration.
pub(super) fn command(program: &str) -> Command {
    let mut command = Command::new(program);
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("GIT_") {
            command.env_remove(name);
        }
    }
    for name in ELSEWHERE {
        command.env_remove(name);
    }
    command
        .env("GIT_TERMINAL_PROMPT", "0")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("no_proxy", "127.0.0.1")
        .env("NO_PROXY", "127.0.0.1")
        .env("LC_ALL", "C");
    command
}

/// A word as a shell reads it back.
pub(super) fn shell_word(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-".contains(c);
    if text.chars().all(plain) {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_a_shell() {
        for text in ["/tmp/a-b_c.d", "/tmp/a b", "/tmp/it's", r#"/tmp/"$x`\"#, "ä"] {
            let script = format!("printf %s {}", shell_word(text));
            let said = Command::new("sh").args(["-c", &script]).output().expect("a shell");
            assert_eq!(String::from_utf8_lossy(&said.stdout), text);
        }
        assert_eq!(shell_word("/tmp/a-b_c.d"), "/tmp/a-b_c.d");
    }
}
