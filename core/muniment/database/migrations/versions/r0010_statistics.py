"""No statistics of which council a row belongs to, in the tables made before this was so (docs/decisions/0021)."""

from __future__ import annotations

from alembic import op

from muniment.database.migrations.steps import refuse_downgrade

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(
        """
        do $$
        declare council_table regclass;
        begin
            for council_table in
                select attrelid from pg_attribute join pg_class on pg_class.oid = attrelid
                where attname = 'council_id' and relkind = 'r' and relnamespace = 'public'::regnamespace
            loop
                execute format('alter table %s alter column council_id set statistics 0', council_table);
            end loop;
        end $$
        """
    )


def downgrade() -> None:
    refuse_downgrade()
