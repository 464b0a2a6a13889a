"""Signing in, drafts, restricted charts and emergency access: new tables, and how the journal is read.

Revision ID: 0003
Revises: 0002
"""

import sqlalchemy as sa
import sqlmodel
from alembic import op

from trellis_core.store import dialects

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the tables and indexes, then let the working role use them."""
    op.create_table('access_setting',
    sa.Column('practice_id', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('idle_minutes', sa.Integer(), nullable=False),
    sa.Column('needs_second_factor', sa.Boolean(), nullable=False),
    sa.PrimaryKeyConstraint('practice_id', name=op.f('pk_access_setting'))
    )
    op.create_table('emergency_access',
    sa.Column('practice_id', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('id', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('patient_id', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('staff_id', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('reason', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('began_at', sqlmodel.sql.sqltypes.UTCDateTime(), nullable=False),
    sa.Column('ends_at', sqlmodel.sql.sqltypes.UTCDateTime(), nullable=False),
    sa.Column('ended_at', sqlmodel.sql.sqltypes.UTCDateTime(), nullable=True),
    sa.Column('reviewed_by', sqlmodel.sql.sqltypes.AutoString(), nullable=True),
    sa.Column('reviewed_at', sqlmodel.sql.sqltypes.UTCDateTime(), nullable=True),
    sa.PrimaryKeyConstraint('practice_id', 'id', name=op.f('pk_emergency_access'))
    )
    op.create_index(op.f('ix_emergency_access_patient_id'), 'emergency_access', ['patient_id'], unique=False)
    op.create_index(op.f('ix_emergency_access_staff_id'), 'emergency_access', ['staff_id'], unique=False)
    op.create_table('invitation',
    sa.Column('token_sha256', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('practice_id', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('staff_id', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('kind', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('made_by', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('made_at', sqlmodel.sql.sqltypes.UTCDateTime(), nullable=False),
    sa.Column('expires_at', sqlmodel.sql.sqltypes.UTCDateTime(), nullable=False),
    sa.Column('used_at', sqlmodel.sql.sqltypes.UTCDateTime(), nullable=True),
    sa.PrimaryKeyConstraint('token_sha256', name=op.f('pk_invitation'))
    )
    op.create_table('note_draft',
    sa.Column('practice_id', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('staff_id', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('form', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('patient_id', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('text', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('updated_at', sqlmodel.sql.sqltypes.UTCDateTime(), nullable=False),
    sa.PrimaryKeyConstraint('practice_id', 'staff_id', 'form', 'patient_id', name=op.f('pk_note_draft'))
    )
    op.create_table('restricted_chart',
    sa.Column('practice_id', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('patient_id', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('restricted_by', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('restricted_at', sqlmodel.sql.sqltypes.UTCDateTime(), nullable=False),
    sa.Column('readers', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.PrimaryKeyConstraint('practice_id', 'patient_id', name=op.f('pk_restricted_chart'))
    )
    op.create_table('second_factor',
    sa.Column('practice_id', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('staff_id', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('secret', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('confirmed_at', sqlmodel.sql.sqltypes.UTCDateTime(), nullable=True),
    sa.Column('last_step', sa.Integer(), nullable=False),
    sa.Column('spare_sha256', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.PrimaryKeyConstraint('practice_id', 'staff_id', name=op.f('pk_second_factor'))
    )
    op.create_table('sign_in_attempt',
    sa.Column('name_sha256', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('refused', sa.Integer(), nullable=False),
    sa.Column('last_at', sqlmodel.sql.sqltypes.UTCDateTime(), nullable=False),
    sa.PrimaryKeyConstraint('name_sha256', name=op.f('pk_sign_in_attempt'))
    )
    op.create_table('sign_in_step',
    sa.Column('token_sha256', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('practice_id', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('staff_id', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('expires_at', sqlmodel.sql.sqltypes.UTCDateTime(), nullable=False),
    sa.PrimaryKeyConstraint('token_sha256', name=op.f('pk_sign_in_step'))
    )
    op.create_index('ix_event_author', 'event', ['practice_id', 'author_id', 'kind', 'recorded_at', 'seq'], unique=False)
    op.create_index('ix_event_kind', 'event', ['practice_id', 'kind', 'recorded_at', 'seq'], unique=False)
    dialects.grant_rights(op.get_bind())
