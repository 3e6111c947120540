//! Each verb with its transaction, and what a message calls it.

use super::super::principals;
use super::{
    SqliteRegistry, endings, grants, groups, identities, listing, settings, tokens, trail, users,
};
use crate::domain::names::{GroupName, NameCase, ProjectPath, UserName};
use crate::domain::principal::{Grant, Grantee, Owner, TokenPrincipal};
use crate::domain::settings::{ProjectSettings, Settings};
use crate::domain::timestamp::Timestamp;
use crate::domain::token::{TokenHash, TokenId};
use crate::domain::trail::{Author, Broken, Entry, Link, Note};
use crate::store::{
    GrantRecord, GroupRecord, Head, IdentityRecord, NewIdentity, NewToken, NewUser, Page, Reading,
    Registry, Reseal, StoreError, TokenEdit, TokenFilter, TokenRecord, TrailFilter, UserEdit,
    UserRecord, Window,
};

impl Registry for SqliteRegistry {
    fn add_user(&mut self, user: NewUser, by: &Author) -> Result<UserRecord, StoreError> {
        self.write("add a user", |tx| users::add(tx, &user, by))
    }

    fn find_user(&mut self, name: &str) -> Result<Option<UserRecord>, StoreError> {
        self.read("find a user", |tx| users::find(tx, name))
    }

    fn password_of(&mut self, name: &UserName) -> Result<Option<String>, StoreError> {
        self.read("find a password", |tx| users::password_of(tx, name))
    }

    fn list_users(&mut self) -> Result<Vec<UserRecord>, StoreError> {
        self.read("list users", |tx| users::list(tx))
    }

    fn edit_user(
        &mut self,
        name: &UserName,
        edit: &UserEdit,
        by: &Author,
    ) -> Result<UserRecord, StoreError> {
        self.write("change a user", |tx| users::edit(tx, name, edit, by))
    }

    fn set_active(&mut self, name: &UserName, active: bool, by: &Author) -> Result<(), StoreError> {
        self.write("disable or enable a user", |tx| users::set_active(tx, name, active, by))
    }

    fn set_password(&mut self, name: &UserName, phc: &str, by: &Author) -> Result<(), StoreError> {
        self.write("set a password", |tx| users::set_password(tx, name, phc, by))
    }

    fn remove_user(&mut self, name: &UserName, by: &Author) -> Result<u64, StoreError> {
        self.write("remove a user", |tx| users::remove(tx, name, by))
    }

    fn add_group(&mut self, name: &GroupName, by: &Author) -> Result<(), StoreError> {
        self.write("add a group", |tx| groups::add(tx, name, by))
    }

    fn remove_group(&mut self, name: &GroupName, by: &Author) -> Result<(), StoreError> {
        self.write("remove a group", |tx| groups::remove(tx, name, by))
    }

    fn add_member(
        &mut self,
        group: &GroupName,
        user: &UserName,
        by: &Author,
    ) -> Result<(), StoreError> {
        self.write("add to a group", |tx| groups::join(tx, group, user, by))
    }

    fn remove_member(
        &mut self,
        group: &GroupName,
        user: &UserName,
        by: &Author,
    ) -> Result<(), StoreError> {
        self.write("take from a group", |tx| groups::leave(tx, group, user, by))
    }

    fn list_groups(&mut self) -> Result<Vec<GroupRecord>, StoreError> {
        self.read("list groups", |tx| groups::list(tx))
    }

    fn add_grant(&mut self, to: &Grantee, grant: &Grant, by: &Author) -> Result<(), StoreError> {
        self.write("add a grant", |tx| grants::add(tx, to, grant, by))
    }

    fn remove_grant(
        &mut self,
        from: &Grantee,
        grant: &Grant,
        by: &Author,
    ) -> Result<(), StoreError> {
        self.write("remove a grant", |tx| grants::remove(tx, from, grant, by))
    }

    fn list_grants(&mut self, of: Option<&Grantee>) -> Result<Vec<GrantRecord>, StoreError> {
        self.read("list grants", |tx| grants::list(tx, of))
    }

    fn rights_of(&mut self, user: &UserName) -> Result<Vec<Grant>, StoreError> {
        self.read("list grants", |tx| grants::of_user(tx, user))
    }

    fn add_token(&mut self, token: NewToken, by: &Author) -> Result<TokenRecord, StoreError> {
        self.write("add a token", |tx| tokens::add(tx, &token, by))
    }

    fn find_token(&mut self, id: TokenId) -> Result<Option<TokenRecord>, StoreError> {
        self.read("find a token", |tx| tokens::find(tx, id))
    }

    fn find_token_by_hash(&mut self, hash: &TokenHash) -> Result<Option<TokenRecord>, StoreError> {
        self.read("find a token", |tx| tokens::find_by_hash(tx, hash))
    }

    fn list_tokens(
        &mut self,
        filter: &TokenFilter,
        window: Window,
    ) -> Result<Page<TokenRecord>, StoreError> {
        self.read("list tokens", |tx| listing::list(tx, filter, window))
    }

    fn edit_token(
        &mut self,
        id: TokenId,
        edit: &TokenEdit,
        by: &Author,
    ) -> Result<TokenRecord, StoreError> {
        self.write("edit a token", |tx| tokens::edit(tx, id, edit, by))
    }

    fn rotate_token(
        &mut self,
        id: TokenId,
        hash: TokenHash,
        end: Timestamp,
        by: &Author,
    ) -> Result<TokenRecord, StoreError> {
        self.write("rotate a token", |tx| endings::rotate(tx, id, hash, end, by))
    }

    fn revoke_token(&mut self, id: TokenId, by: &Author) -> Result<TokenRecord, StoreError> {
        self.write("revoke a token", |tx| endings::revoke(tx, id, by))
    }

    fn revoke_tokens(
        &mut self,
        filter: &TokenFilter,
        by: &Author,
    ) -> Result<Vec<TokenRecord>, StoreError> {
        self.write("revoke tokens", |tx| endings::revoke_all(tx, filter, by))
    }

    fn suspend_tokens(
        &mut self,
        filter: &TokenFilter,
        by: &Author,
    ) -> Result<Vec<TokenRecord>, StoreError> {
        self.write("suspend tokens", |tx| endings::suspend_all(tx, filter, by))
    }

    fn set_suspended(
        &mut self,
        id: TokenId,
        suspended: bool,
        by: &Author,
    ) -> Result<TokenRecord, StoreError> {
        self.write("suspend or resume a token", |tx| endings::set_suspended(tx, id, suspended, by))
    }

    fn count_tokens(&mut self, now: Timestamp) -> Result<u64, StoreError> {
        self.read("count tokens", |tx| tokens::count(tx, now))
    }

    fn count_expiring(&mut self, now: Timestamp, until: Timestamp) -> Result<u64, StoreError> {
        self.read("count tokens", |tx| tokens::count_expiring(tx, now, until))
    }

    fn principal(
        &mut self,
        id: TokenId,
        reading: Reading,
    ) -> Result<Option<TokenPrincipal>, StoreError> {
        self.read("find a token", |tx| principals::by_id(tx, id, reading))
    }

    fn set_identity(&mut self, new: NewIdentity, by: &Author) -> Result<(), StoreError> {
        self.write("store a credential", |tx| identities::set(tx, &new, by))
    }

    fn remove_identity(
        &mut self,
        owner: &Owner,
        case: NameCase,
        by: &Author,
    ) -> Result<(), StoreError> {
        self.write("remove a credential", |tx| identities::remove(tx, owner, case, by))
    }

    fn list_identities(&mut self) -> Result<Vec<IdentityRecord>, StoreError> {
        self.read("list credentials", |tx| identities::list(tx))
    }

    fn reseal_identities(
        &mut self,
        reseal: &mut Reseal<'_>,
        by: &Author,
    ) -> Result<u64, StoreError> {
        self.write("seal credentials anew", |tx| identities::reseal(tx, reseal, by))
    }

    fn settings(&mut self) -> Result<Settings, StoreError> {
        self.read("read the settings", |tx| settings::read(tx))
    }

    fn change_settings(
        &mut self,
        change: &dyn Fn(Settings) -> Settings,
        by: &Author,
    ) -> Result<Settings, StoreError> {
        self.write("change the settings", |tx| settings::change(tx, change, by))
    }

    fn project_settings(&mut self, project: &ProjectPath) -> Result<ProjectSettings, StoreError> {
        self.read("read the settings", |tx| settings::of_project(tx, project.as_str()))
    }

    fn set_project_settings(
        &mut self,
        project: &ProjectPath,
        settings: ProjectSettings,
        by: &Author,
    ) -> Result<(), StoreError> {
        self.write("change the settings", |tx| settings::set_of_project(tx, project, settings, by))
    }

    fn note(&mut self, note: Note, by: &Author) -> Result<(), StoreError> {
        self.write("write its trail", |tx| {
            trail::append(tx, by, note.event, note.subject, &note.details)
        })
    }

    fn trail(&mut self, filter: &TrailFilter) -> Result<Vec<Entry>, StoreError> {
        self.read("read its trail", |tx| trail::list(tx, filter))
    }

    fn trail_head(&mut self) -> Result<Head, StoreError> {
        self.read("read its trail", |tx| trail::head(tx))
    }

    fn verify_trail(&mut self, kept: Option<Link>) -> Result<Result<Head, Broken>, StoreError> {
        self.read("read its trail", |tx| trail::verify(tx, kept))
    }
}
