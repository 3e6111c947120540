//! What each call does, once it is known who is asking.

use super::answers::{Page, ProjectSettingsAnswer, SettingsAnswer, Token};
use super::body::{Create, Update};
use super::query;
use super::refusal::Refused;
use super::routes::Verb;
use super::wish::Wish;
use crate::domain::names::{NameCase, ProjectPath, ProjectScope};
use crate::domain::principal::Owner;
use crate::domain::settings::ProjectSettings;
use crate::domain::token::TokenId;
use crate::domain::trail::Author;
use crate::manage::access::Standing;
use crate::manage::tokens::{self, Issued, TokenRequest, Wanted};
use crate::store::{Registry, StoreError, TokenFilter, TokenRecord, UserRecord, Window};
use http::StatusCode;
use serde::Serialize;
use std::collections::HashMap;
use std::time::Duration;

type Answered = Result<(StatusCode, String), Refused>;

/// A call of a person who is who the password says.
pub(super) struct Asked {
    pub(super) user: UserRecord,
    pub(super) owner: Option<Owner>,
    pub(super) token: Option<TokenId>,
    pub(super) case: NameCase,
    pub(super) tells_force: bool,
    pub(super) by: Author,
    pub(super) query: Option<String>,
}

/// Serves a person.
pub(super) fn serve(registry: &mut dyn Registry, asked: &Asked, wish: Wish) -> Answered {
    match wish {
        Wish::List(window) => list(registry, asked, window),
        Wish::Create(create) => make(registry, asked, create),
        Wish::Get => {
            let (token, user, _) = governed(registry, asked)?;
            json(&Token::of(token, user.as_ref()))
        }
        Wish::Update(update) => edit(registry, asked, &update),
        Wish::Revoke => {
            let (token, ..) = governed(registry, asked)?;
            registry.revoke_token(token.id, &asked.by)?;
            Ok((StatusCode::NO_CONTENT, String::new()))
        }
        Wish::Rotate(overlap) => rotate(registry, asked, overlap),
        Wish::ListAll(window) => list_all(registry, asked, window),
        Wish::Nothing => {
            Err(Refused::not_found("this path is a token's own: ask with the token in question"))
        }
        Wish::GetSettings => {
            administrator(asked)?;
            json(&SettingsAnswer::of(registry.settings()?))
        }
        Wish::PutSettings(change) => {
            administrator(asked)?;
            let settings = registry.change_settings(&|before| change.apply(before), &asked.by)?;
            json(&SettingsAnswer::of(settings))
        }
        Wish::GetProjectSettings => {
            let project = project(registry, asked)?;
            json(&ProjectSettingsAnswer::of(registry.project_settings(&project)?))
        }
        Wish::PutProjectSettings(repository_tokens) => {
            let project = project(registry, asked)?;
            let settings = ProjectSettings { repository_tokens };
            registry.set_project_settings(&project, settings, &asked.by)?;
            json(&ProjectSettingsAnswer::of(settings))
        }
    }
}

/// Serves a token, about itself.
pub(super) fn of_itself(
    registry: &mut dyn Registry,
    verb: Verb,
    id: TokenId,
    by: &Author,
) -> Answered {
    let token = registry.find_token(id)?.ok_or_else(|| no_token(id))?;
    if verb == Verb::RevokeSelf {
        registry.revoke_token(id, by)?;
        return Ok((StatusCode::NO_CONTENT, String::new()));
    }
    let user = user_of(registry, &token.owner)?;
    json(&Token::of(token, user.as_ref()))
}

fn list(registry: &mut dyn Registry, asked: &Asked, window: Window) -> Answered {
    let (owner, user, _) = owner(registry, asked)?;
    let found = registry.list_tokens(&TokenFilter::of(owner, asked.case), window)?;
    let values = found.values.into_iter().map(|token| Token::of(token, user.as_ref())).collect();
    json(&Page::of(values, found.last, window))
}

fn make(registry: &mut dyn Registry, asked: &Asked, create: Create) -> Answered {
    let (owner, user, standing) = owner(registry, asked)?;
    if !standing.may_make() {
        return Err(Refused::not_permitted(format!(
            "administrators edit and revoke tokens, but make none for others: this takes {}",
            need(&owner)
        )));
    }
    let request = TokenRequest {
        name: create.name,
        owner,
        permissions: Wanted::These(create.permissions),
        limits: create.limits,
        lifetime: create.lifetime,
        tells_force: asked.tells_force,
    };
    let issued = tokens::create(registry, request, &asked.by, getrandom::fill)?;
    show(issued, user.as_ref())
}

fn edit(registry: &mut dyn Registry, asked: &Asked, update: &Update) -> Answered {
    let (token, user, _) = governed(registry, asked)?;
    let id = token.id;
    let shown = Token::of(token, user.as_ref());
    update.agrees(&serde_json::to_value(&shown).map_err(|error| unwritable(&error))?)?;
    let (name, permissions) = (update.name.as_ref(), update.permissions.as_deref());
    if name.is_none() && permissions.is_none() {
        return json(&shown);
    }
    let token = tokens::edit(registry, id, name, permissions, &asked.by)?;
    json(&Token::of(token, user.as_ref()))
}

fn rotate(registry: &mut dyn Registry, asked: &Asked, overlap: Duration) -> Answered {
    let (token, user, standing) = governed(registry, asked)?;
    if !standing.may_make() {
        return Err(Refused::not_permitted(format!(
            "administrators edit and revoke tokens, but come to know no secret of others: this takes {}",
            need(&token.owner)
        )));
    }
    let issued = tokens::rotate(registry, token.id, overlap, &asked.by, getrandom::fill)?;
    let old = registry.find_token(token.id)?.ok_or_else(|| no_token(token.id))?;
    let ends = old.retires.into_iter().chain(old.expires).min().unwrap_or(asked.by.at);
    let answer = Token::of(issued.record, user.as_ref()).succeeding(token.id, ends);
    json(&answer.with(issued.secret))
}

fn list_all(registry: &mut dyn Registry, asked: &Asked, window: Window) -> Answered {
    administrator(asked)?;
    let settings = registry.settings()?;
    let filter = query::filter(asked.query.as_deref(), asked.case, settings, asked.by.at)?;
    let found = registry.list_tokens(&filter, window)?;
    let mut users: HashMap<String, Option<UserRecord>> = HashMap::new();
    let mut values = Vec::with_capacity(found.values.len());
    for token in found.values {
        let Owner::User(name) = &token.owner else {
            values.push(Token::of(token, None));
            continue;
        };
        let user = if let Some(user) = users.get(name.as_str()) {
            user.clone()
        } else {
            let user = registry.find_user(name.as_str())?;
            users.insert(name.to_string(), user.clone());
            user
        };
        values.push(Token::of(token, user.as_ref()));
    }
    json(&Page::of(values, found.last, window))
}

/// The owner that the path names, if the person may govern its tokens, with its record where it is a
/// person.
fn owner(
    registry: &mut dyn Registry,
    asked: &Asked,
) -> Result<(Owner, Option<UserRecord>, Standing), Refused> {
    let owner = asked.owner.clone().ok_or_else(|| Refused::not_found("no owner is named"))?;
    let standing = Standing::of(registry, &asked.user, &owner, asked.case)?;
    if !standing.may_govern() {
        // The same whether or not there is such an owner.
        return Err(Refused::not_permitted(format!(
            "you are not permitted to manage the tokens of {owner}: that takes {}",
            need(&owner)
        )));
    }
    let user = match &owner {
        Owner::User(name) => {
            let user = registry.find_user(name.as_str())?;
            Some(user.ok_or_else(|| Refused::no_user(name))?)
        }
        Owner::Project(_) | Owner::Repository(_) => None,
    };
    Ok((owner, user, standing))
}

/// The token that the path names, if it is that owner's and the person may govern it.
fn governed(
    registry: &mut dyn Registry,
    asked: &Asked,
) -> Result<(TokenRecord, Option<UserRecord>, Standing), Refused> {
    let (owner, user, standing) = owner(registry, asked)?;
    let id = asked.token.unwrap_or(TokenId(0));
    let token = registry.find_token(id)?.ok_or_else(|| no_token(id))?;
    // A user's by the person, since another one may have had the name before; and revoked is gone.
    let same = match (&owner, &token.owner) {
        (Owner::User(a), Owner::User(b)) => a == b,
        (Owner::Project(a), Owner::Project(b)) => asked.case.equal(&a.to_string(), &b.to_string()),
        (Owner::Repository(a), Owner::Repository(b)) => asked.case.equal(a.as_str(), b.as_str()),
        _ => false,
    };
    if !same || token.revoked.is_some() {
        return Err(no_token(id));
    }
    Ok((token, user, standing))
}

/// The one project of the path, whose settings its administrators govern.
fn project(registry: &mut dyn Registry, asked: &Asked) -> Result<ProjectPath, Refused> {
    match owner(registry, asked)?.0 {
        Owner::Project(ProjectScope::Exactly(project)) => Ok(project),
        other => Err(Refused::not_found(format!("{other} has no settings; one project has"))),
    }
}

fn administrator(asked: &Asked) -> Result<(), Refused> {
    if asked.user.admin {
        return Ok(());
    }
    Err(Refused::not_permitted(
        "this takes an administrator of gitlatch (gitlatch user edit NAME --admin true)",
    ))
}

/// What it takes to make tokens of this owner.
fn need(owner: &Owner) -> String {
    match owner {
        Owner::User(name) => format!("being {name}"),
        Owner::Project(_) => "PROJECT_ADMIN on it".to_owned(),
        Owner::Repository(_) => "REPO_ADMIN on it, or PROJECT_ADMIN on its project".to_owned(),
    }
}

fn user_of(registry: &mut dyn Registry, owner: &Owner) -> Result<Option<UserRecord>, StoreError> {
    match owner {
        Owner::User(name) => registry.find_user(name.as_str()),
        Owner::Project(_) | Owner::Repository(_) => Ok(None),
    }
}

fn no_token(id: TokenId) -> Refused {
    // What is no number is no token either.
    let which = if id.0 == 0 { "such token".to_owned() } else { format!("token `{id}`") };
    Refused::not_found(format!("there is no {which} here"))
}

fn show(issued: Issued, user: Option<&UserRecord>) -> Answered {
    json(&Token::of(issued.record, user).with(issued.secret))
}

fn json(value: &impl Serialize) -> Answered {
    let text = serde_json::to_string(value).map_err(|error| unwritable(&error))?;
    Ok((StatusCode::OK, text))
}

fn unwritable(error: &serde_json::Error) -> Refused {
    tracing::error!(%error, "an answer cannot be written");
    Refused::unwritable()
}
