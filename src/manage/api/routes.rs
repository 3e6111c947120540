//! The routes of the token API: one table, which the `OpenAPI` document is held to.

use super::refusal::Refused;
use crate::domain::dialect::path::decode;
use crate::domain::names::UserName;
use crate::domain::principal::Owner;
use crate::domain::token::TokenId;
use http::Method;

/// Where every path of the API begins.
pub const ROOT: &str = "/rest/access-tokens";
/// The versions that the paths are known under; they mean the same.
pub const VERSIONS: [&str; 2] = ["1.0", "latest"];

/// What a call does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Verb {
    /// Lists the tokens of an owner.
    List,
    /// Makes a token.
    Create,
    /// Shows a token.
    Get,
    /// Changes name or permissions of a token.
    Update,
    /// Revokes a token.
    Revoke,
    /// Makes a successor of a token.
    Rotate,
    /// Lists everybody's tokens, for administrators.
    ListAll,
    /// Shows the token that asks.
    GetSelf,
    /// Revokes the token that asks.
    RevokeSelf,
    /// Shows what is demanded of new tokens.
    GetSettings,
    /// Changes that.
    PutSettings,
    /// Shows what a project's administrators demand.
    GetProjectSettings,
    /// Changes that.
    PutProjectSettings,
}

/// One route: a method, the path behind the version, and what it does.
#[derive(Clone, Copy, Debug)]
pub struct Route {
    /// The method; `GET` stands for `HEAD` as well.
    pub method: &'static str,
    /// The path, with `{user}`, `{projectKey}`, `{repositorySlug}` and `{tokenId}` in it.
    pub path: &'static str,
    /// What it does.
    pub verb: Verb,
}

const fn route(method: &'static str, path: &'static str, verb: Verb) -> Route {
    Route { method, path, verb }
}

/// Every route there is.
pub const ROUTES: &[Route] = &[
    route("GET", "/users/{user}", Verb::List),
    route("PUT", "/users/{user}", Verb::Create),
    route("GET", "/users/{user}/{tokenId}", Verb::Get),
    route("POST", "/users/{user}/{tokenId}", Verb::Update),
    route("DELETE", "/users/{user}/{tokenId}", Verb::Revoke),
    route("POST", "/users/{user}/{tokenId}/rotate", Verb::Rotate),
    route("GET", "/projects/{projectKey}", Verb::List),
    route("PUT", "/projects/{projectKey}", Verb::Create),
    route("GET", "/projects/{projectKey}/settings", Verb::GetProjectSettings),
    route("PUT", "/projects/{projectKey}/settings", Verb::PutProjectSettings),
    route("GET", "/projects/{projectKey}/{tokenId}", Verb::Get),
    route("POST", "/projects/{projectKey}/{tokenId}", Verb::Update),
    route("DELETE", "/projects/{projectKey}/{tokenId}", Verb::Revoke),
    route("POST", "/projects/{projectKey}/{tokenId}/rotate", Verb::Rotate),
    route("GET", "/projects/{projectKey}/repos/{repositorySlug}", Verb::List),
    route("PUT", "/projects/{projectKey}/repos/{repositorySlug}", Verb::Create),
    route("GET", "/projects/{projectKey}/repos/{repositorySlug}/{tokenId}", Verb::Get),
    route("POST", "/projects/{projectKey}/repos/{repositorySlug}/{tokenId}", Verb::Update),
    route("DELETE", "/projects/{projectKey}/repos/{repositorySlug}/{tokenId}", Verb::Revoke),
    route("POST", "/projects/{projectKey}/repos/{repositorySlug}/{tokenId}/rotate", Verb::Rotate),
    route("GET", "/all", Verb::ListAll),
    route("GET", "/self", Verb::GetSelf),
    route("DELETE", "/self", Verb::RevokeSelf),
    route("GET", "/settings", Verb::GetSettings),
    route("PUT", "/settings", Verb::PutSettings),
];

/// A call, understood as far as its first line goes.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) verb: Verb,
    /// Whose tokens it is about, where its path names an owner.
    pub(super) owner: Option<Owner>,
    /// Which token it is about, where its path names one. A text that is no number names none.
    pub(super) token: Option<TokenId>,
}

/// Finds the route of a path behind the prefix of the public URL.
pub(super) fn find(method: &Method, path: &str) -> Result<Found, Refused> {
    let unknown = || {
        Refused::not_found("there is no such path; the token API is at /rest/access-tokens/latest")
    };
    let rest =
        path.strip_prefix(ROOT).and_then(|rest| rest.strip_prefix('/')).ok_or_else(unknown)?;
    let (version, rest) = rest.split_once('/').ok_or_else(unknown)?;
    if !VERSIONS.contains(&version) {
        return Err(unknown());
    }
    // Taken apart before it is decoded: the path of a project may have slashes of its own (%2F).
    let segments: Vec<&str> = rest.split('/').collect();
    let here: Vec<(&Route, Captured)> =
        ROUTES.iter().filter_map(|route| Some((route, captured(route, &segments)?))).collect();
    // A literal beats a name, the leftmost first: `settings` and `repos` are no tokens.
    let most = here.iter().map(|(_, captured)| captured.rank).max().ok_or_else(unknown)?;
    let here: Vec<_> = here.into_iter().filter(|(_, captured)| captured.rank == most).collect();
    let method = if method == Method::HEAD { &Method::GET } else { method };
    let allow = || here.iter().map(|(route, _)| route.method).collect::<Vec<_>>().join(", ");
    let fits = here.iter().find(|(route, _)| method == route.method);
    let (route, captured) = fits.ok_or_else(|| Refused::method(allow()))?;
    Ok(Found { verb: route.verb, owner: captured.owner()?, token: captured.token() })
}

/// Whether this is the path where a token finds itself.
pub(super) fn is_own(path: &str) -> bool {
    let own = |version| path.strip_prefix(ROOT) == Some(&format!("/{version}/self"));
    VERSIONS.into_iter().any(own)
}

/// What stands in the place of the names of a route.
#[derive(Debug, Default)]
struct Captured {
    /// One binary digit a segment: whether it is a literal of the route.
    rank: u32,
    user: Option<String>,
    project: Option<String>,
    repository: Option<String>,
    token: Option<String>,
}

fn captured(route: &Route, segments: &[&str]) -> Option<Captured> {
    let wanted: Vec<&str> = route.path[1..].split('/').collect();
    if wanted.len() != segments.len() {
        return None;
    }
    let mut captured = Captured::default();
    for (wanted, segment) in wanted.into_iter().zip(segments) {
        captured.rank <<= 1;
        let slot = match wanted {
            "{user}" => &mut captured.user,
            "{projectKey}" => &mut captured.project,
            "{repositorySlug}" => &mut captured.repository,
            "{tokenId}" => &mut captured.token,
            literal if literal == *segment => {
                captured.rank += 1;
                continue;
            }
            _ => return None,
        };
        *slot = Some(decode(segment).into_owned());
    }
    Some(captured)
}

impl Captured {
    fn owner(&self) -> Result<Option<Owner>, Refused> {
        let named = match (&self.user, &self.project) {
            (Some(user), _) => UserName::new(user).map(Owner::User),
            (None, Some(project)) => Owner::of_project(project, self.repository.as_deref()),
            (None, None) => return Ok(None),
        };
        // A text that is no name is the name of nothing.
        named.map(Some).map_err(|error| Refused::not_found(error.to_string()))
    }

    fn token(&self) -> Option<TokenId> {
        let text = self.token.as_deref()?;
        let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        // No token has the number 0.
        Some(TokenId(if digits { text.parse().unwrap_or_default() } else { 0 }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every line: a method, a path behind the root, and what is found.
    const CASES: &[(&str, &str, &str)] = &[
        ("GET", "/latest/users/alice", "List user alice -"),
        ("HEAD", "/latest/users/alice", "List user alice -"),
        ("GET", "/1.0/users/alice", "List user alice -"),
        ("PUT", "/latest/users/alice", "Create user alice -"),
        ("POST", "/latest/users/alice/7", "Update user alice 7"),
        ("POST", "/latest/users/alice/7/rotate", "Rotate user alice 7"),
        ("GET", "/latest/users/all", "List user all -"),
        ("GET", "/latest/users/alice/x", "Get user alice 0"),
        ("GET", "/latest/users/alice/99999999999999999999", "Get user alice 0"),
        ("GET", "/latest/projects/PRJ/7", "Get project PRJ 7"),
        ("GET", "/latest/projects/PRJ/settings", "GetProjectSettings project PRJ -"),
        ("GET", "/latest/projects/group%2Fsub", "List project group/sub -"),
        ("GET", "/latest/projects/group%2F**", "List project group/** -"),
        ("GET", "/latest/projects/~alice/repos/app", "List repository ~alice/app -"),
        ("DELETE", "/latest/projects/PRJ/repos/app/7", "Revoke repository PRJ/app 7"),
        ("GET", "/latest/self", "GetSelf - -"),
        ("DELETE", "/latest/self", "RevokeSelf - -"),
        ("PUT", "/latest/settings", "PutSettings - -"),
        ("GET", "/latest/all", "ListAll - -"),
        ("DELETE", "/latest/users/alice", "405 GET, PUT"),
        ("PATCH", "/latest/users/alice/7", "405 GET, POST, DELETE"),
        ("POST", "/latest/projects/PRJ/settings", "405 GET, PUT"),
        ("POST", "/latest/self", "405 GET, DELETE"),
        ("GET", "/latest/projects/PRJ/repos/rotate", "List repository PRJ/rotate -"),
        ("POST", "/latest/projects/PRJ/repos/rotate", "405 GET, PUT"),
        ("GET", "", "404"),
        ("GET", "/", "404"),
        ("GET", "/latest", "404"),
        ("GET", "/latest/", "404"),
        ("GET", "/2.0/users/alice", "404"),
        ("GET", "/latest/users", "404"),
        ("GET", "/latest/users/alice/", "Get user alice 0"),
        ("GET", "/latest/users/a%20b", "404"),
        ("GET", "/latest/users/alice/7/rotate/x", "404"),
        ("GET", "/latest/Users/alice", "404"),
        ("GET", "/latest/projects/*", "404"),
        ("GET", "/latest/projects/PRJ/repos/a.git", "404"),
    ];

    #[test]
    fn paths_find_their_routes() {
        for (method, path, expected) in CASES {
            let method = Method::from_bytes(method.as_bytes()).expect("a method");
            let found = match find(&method, &format!("{ROOT}{path}")) {
                Ok(Found { verb, owner, token }) => {
                    let owner = owner.map_or("-".to_owned(), |owner| owner.to_string());
                    let token = token.map_or("-".to_owned(), |token| token.to_string());
                    format!("{verb:?} {owner} {token}")
                }
                Err(refused) => refused.status().as_u16().to_string() + &refused.allowed(),
            };
            assert_eq!(found, *expected, "{method} {path}");
        }
    }
}
