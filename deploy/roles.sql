-- Muniment's roles on a PostgreSQL server of your own, 15 or newer. Made from muniment/database/roles.py.
--
-- As a superuser: create the database, then run this file in it, as often as you like:
--   createdb --encoding UTF8 muniment
--   psql --dbname muniment --file roles.sql
-- Then give the roles passwords (psql: \password muniment_application) or certificates, put the addresses
-- into MUNIMENT_DATABASE_URL (application) and MUNIMENT_OWNER_DATABASE_URL (owner), and run:
--   muniment db upgrade
-- pg_dump connects as muniment_backup, with --enable-row-security left off.
\set ON_ERROR_STOP on
begin;
lock table pg_catalog.pg_authid in share row exclusive mode;
do $$ begin if not exists (select from pg_roles where rolname = 'muniment_owner') then create role muniment_owner login; end if; end $$;
do $$ begin if not exists (select from pg_roles where rolname = 'muniment_application') then create role muniment_application login; end if; end $$;
do $$ begin if not exists (select from pg_roles where rolname = 'muniment_backup') then create role muniment_backup login; end if; end $$;
alter role muniment_owner nosuperuser nocreatedb nocreaterole noreplication nobypassrls;
alter role muniment_application nosuperuser nocreatedb nocreaterole noreplication nobypassrls;
alter role muniment_backup nosuperuser nocreatedb nocreaterole noreplication bypassrls;
alter role muniment_backup set default_transaction_read_only = on;
grant pg_read_all_data to muniment_backup;
alter role muniment_application set log_min_messages = 'fatal';
alter role muniment_application set log_min_error_statement = 'panic';
alter role muniment_application set log_error_verbosity = 'terse';
alter role muniment_application set log_statement = 'none';
alter role muniment_application set log_min_duration_statement = '-1';
alter role muniment_application set log_parameter_max_length = '0';
alter role muniment_application set log_parameter_max_length_on_error = '0';
do $$ begin execute format('alter database %I owner to muniment_owner', current_database()); end $$;
do $$ begin execute format('revoke all on database %I from public', current_database()); end $$;
do $$ begin execute format('grant connect, temporary on database %I to muniment_application', current_database()); end $$;
do $$ begin execute format('grant connect on database %I to muniment_backup', current_database()); end $$;
alter schema public owner to muniment_owner;
revoke all on schema public from public;
grant usage on schema public to muniment_application, muniment_backup;
commit;
