//! What no token may do, besides merging: sign-on, accounts, administration, web pages.
//!
//! These rows hold for every method, and also for other spellings of their paths.

use super::super::super::intent::Action;
use super::operation::{Operation, Verb, need, operations};

operations! {
    /// Sign-on and sessions.
    LOGIN below "" {
        "login.two-step" Any "/rest/tsv/{version}/authenticate/**" Login NEVER_LOGIN "the second step of a login";
        "login.elevate" Any "/rest/tsv/{version}/elevate-permissions/**" Login NEVER_LOGIN "a session with more rights";
        "login.options" Any "/rest/authconfig/{version}/login-options/**" Login NEVER_LOGIN "ways to log in";
        "login.mirror" Any "/rest/mirroring/{version}/authenticate/**" Login NEVER_LOGIN "logs a user of a mirror in";
        "login.oauth2" Any "/rest/oauth2/**" Login NEVER_LOGIN "tokens of OAuth 2";
        "login.rest" Any "/rest/auth/**" Login NEVER_LOGIN "sessions";
        "login.form" Any "/login/**" Login NEVER_LOGIN "the login page";
        "login.check" Any "/j_atl_security_check/**" Login NEVER_LOGIN "what the login form posts to";
        "login.check.old" Any "/j_security_check/**" Login NEVER_LOGIN "the same";
        "login.spring" Any "/j_spring_security_check/**" Login NEVER_LOGIN "the same";
        "login.mfa" Any "/mfa/**" Login NEVER_LOGIN "the second step of a login";
        "login.tsv" Any "/tsv/**" Login NEVER_LOGIN "the second step of a login";
        "login.sso" Any "/plugins/servlet/external-login/**" Login NEVER_LOGIN "single sign-on";
        "login.saml" Any "/plugins/servlet/samlconsumer/**" Login NEVER_LOGIN "single sign-on";
        "login.oidc" Any "/plugins/servlet/oidc/**" Login NEVER_LOGIN "single sign-on";
        "login.oauth" Any "/plugins/servlet/oauth/**" Login NEVER_LOGIN "tokens of OAuth";
        "login.logout" Any "/logout/**" Login NEVER_LOGIN "ends a session";
        "login.signup" Any "/signup/**" Login NEVER_LOGIN "makes an account";
        "login.reset" Any "/passwordreset/**" Login NEVER_LOGIN "a new password by mail";
        "login.captcha" Any "/captcha/**" Login NEVER_LOGIN "the picture of a login";
    }
}

operations! {
    /// Accounts, one's own and others'.
    ACCOUNT below "/rest" {
        "account.update" Change "/api/{version}/users" Account NEVER_ACCOUNT "one's name and e-mail address";
        "account.password" Any "/api/{version}/users/credentials/**" Account NEVER_ACCOUNT "one's password";
        "account.avatar" Any "/api/{version}/users/{user}/avatar.png/**" Account NEVER_ACCOUNT "a user's picture";
        "account.settings" Any "/api/{version}/users/{user}/settings/**" Account NEVER_ACCOUNT "a user's settings";
        "account.ssh" Any "/ssh/{version}/keys/**" Account NEVER_ACCOUNT "SSH keys of users";
        "account.gpg" Any "/gpg/**" Account NEVER_ACCOUNT "GPG keys of users";
        "account.two-step" Any "/tsv/**" Account NEVER_ACCOUNT "two-step verification";
        "account.mirror" Any "/mirroring/{version}/account/**" Account NEVER_ACCOUNT "a user's preferred mirror";
    }
}

operations! {
    /// Administration of the host.
    ADMINISTRATION below "/rest" {
        "admin.api" Any "/api/{version}/admin/**" Administration NEVER_ADMIN "users, groups, permissions, mail, licence, cluster, limits";
        "admin.part" Any "/*/*/admin/**" Administration NEVER_ADMIN "administration of other parts";
        "admin.hook-scripts" Any "/api/{version}/hook-scripts/**" Administration NEVER_ADMIN "scripts that run on events";
        "admin.logs" Any "/api/{version}/logs/**" Administration NEVER_ADMIN "levels of the log";
        "admin.migration" Any "/api/{version}/migration/**" Administration NEVER_ADMIN "export, import, Mesh";
        "admin.secrets" Any "/api/{version}/secret-scanning/**" Administration NEVER_ADMIN "the scan for secrets everywhere";
        "admin.signing" Any "/api/{version}/signing/**" Administration NEVER_ADMIN "certificates that sign commits";
        "admin.system-signing" Any "/api/{version}/system-signing/**" Administration NEVER_ADMIN "how Bitbucket signs its own";
        "admin.applinks" Any "/applinks/**" Administration NEVER_ADMIN "links to other applications";
        "admin.audit" Any "/audit/**" Administration NEVER_ADMIN "the audit log of the host";
        "admin.auditing" Any "/auditing/**" Administration NEVER_ADMIN "the audit log of the host";
        "admin.authconfig" Any "/authconfig/**" Administration NEVER_ADMIN "sign-on of the host";
        "admin.basicauth" Any "/basicauth/**" Administration NEVER_ADMIN "whether passwords are accepted";
        "admin.crowd" Any "/crowd/**" Administration NEVER_ADMIN "directories of users";
        "admin.indexing" Any "/indexing/**" Administration NEVER_ADMIN "the index of code";
        "admin.mirroring" Any "/mirroring/**" Administration NEVER_ADMIN "mirrors and what they are told";
        "admin.policies" Any "/policies/**" Administration NEVER_ADMIN "who may delete or archive";
        "admin.plugins" Any "/plugins/**" Administration NEVER_ADMIN "installs plug-ins";
        "admin.secret-keys" Any "/secrets/**" Administration NEVER_ADMIN "keys that seal the configuration";
        "admin.troubleshooting" Any "/troubleshooting/**" Administration NEVER_ADMIN "support archives";
        "admin.usermanagement" Any "/usermanagement/**" Administration NEVER_ADMIN "directories of users";
    }
}

operations! {
    /// Web pages.
    PAGES below "" {
        "page.root" Any "/" Page NEVER_PAGE "the first page";
        "page.about" Any "/about/**" Page NEVER_PAGE "about Bitbucket";
        "page.account" Any "/account/**" Page NEVER_PAGE "one's account";
        "page.admin" Any "/admin/**" Page NEVER_PAGE "administration";
        "page.dashboard" Any "/dashboard/**" Page NEVER_PAGE "the dashboard";
        "page.download" Any "/download/**" Page NEVER_PAGE "resources of pages";
        "page.getting-started" Any "/getting-started/**" Page NEVER_PAGE "the first steps";
        "page.maintenance" Any "/maintenance/**" Page NEVER_PAGE "maintenance";
        "page.mvc" Any "/mvc/**" Page NEVER_PAGE "what pages call";
        "page.plugins" Any "/plugins/**" Page NEVER_PAGE "pages of plug-ins";
        "page.profile" Any "/profile/**" Page NEVER_PAGE "one's profile";
        "page.projects" Any "/projects/**" Page NEVER_PAGE "pages of projects and repositories";
        "page.repos" Any "/repos/**" Page NEVER_PAGE "search for repositories";
        "page.resources" Any "/s/**" Page NEVER_PAGE "resources of pages";
        "page.setup" Any "/setup/**" Page NEVER_PAGE "the first set-up";
        "page.unlicensed" Any "/unlicensed/**" Page NEVER_PAGE "what users without a licence see";
        "page.users" Any "/users/**" Page NEVER_PAGE "pages of users";
    }
}
