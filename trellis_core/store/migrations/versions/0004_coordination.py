"""Coordinating care: timers that pause, notes, tasks, plans, sites, imports and what programs ask for.

Revision ID: 0004
Revises: 0003
"""

import sqlalchemy as sa
import sqlmodel
from alembic import op

from trellis_core.store import dialects

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the tables, indexes and columns, then let the working role use them."""
    op.create_table('apcm_capability',
    sa.Column('practice_id', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('element', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('is_in_place', sa.Boolean(), nullable=False),
    sa.Column('stated_by', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('stated_on', sa.Date(), nullable=False),
    sa.PrimaryKeyConstraint('practice_id', 'element', name=op.f('pk_apcm_capability'))
    )
    op.create_table('apcm_month',
    sa.Column('practice_id', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('patient_id', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('ym', sa.Integer(), nullable=False),
    sa.Column('is_documented', sa.Boolean(), nullable=True),
    sa.Column('elements', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('stated_by', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('stated_at', sqlmodel.sql.sqltypes.UTCDateTime(), nullable=False),
    sa.PrimaryKeyConstraint('practice_id', 'patient_id', 'ym', name=op.f('pk_apcm_month'))
    )
    op.create_table('care_plan_version',
    sa.Column('practice_id', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('id', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('care_plan_id', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('patient_id', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('number', sa.Integer(), nullable=False),
    sa.Column('on_day', sa.Date(), nullable=False),
    sa.Column('elements', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('made_by', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('made_at', sqlmodel.sql.sqltypes.UTCDateTime(), nullable=False),
    sa.PrimaryKeyConstraint('practice_id', 'id', name=op.f('pk_care_plan_version'))
    )
    op.create_index(op.f('ix_care_plan_version_care_plan_id'), 'care_plan_version', ['care_plan_id'], unique=False)
    op.create_table('caseload_session',
    sa.Column('practice_id', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('id', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('led_by', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('consultant', sqlmodel.sql.sqltypes.AutoString(), nullable=True),
    sa.Column('began_at', sqlmodel.sql.sqltypes.UTCDateTime(), nullable=False),
    sa.Column('ended_at', sqlmodel.sql.sqltypes.UTCDateTime(), nullable=True),
    sa.Column('seconds', sa.Integer(), nullable=True),
    sa.Column('discussed', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.PrimaryKeyConstraint('practice_id', 'id', name=op.f('pk_caseload_session'))
    )
    op.create_table('consent_declined',
    sa.Column('practice_id', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('id', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('patient_id', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('program', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('declined_on', sa.Date(), nullable=False),
    sa.Column('method', sqlmodel.sql.sqltypes.AutoString(), nullable=True),
    sa.Column('given_by', sqlmodel.sql.sqltypes.AutoString(), nullable=True),
    sa.Column('asked_by', sqlmodel.sql.sqltypes.AutoString(), nullable=True),
    sa.Column('reason', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.PrimaryKeyConstraint('practice_id', 'id', name=op.f('pk_consent_declined'))
    )
    op.create_index(op.f('ix_consent_declined_patient_id'), 'consent_declined', ['patient_id'], unique=False)
    op.create_table('elsewhere',
    sa.Column('practice_id', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('id', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('patient_id', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('program', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('other_practice', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('learned_on', sa.Date(), nullable=False),
    sa.Column('learned_from', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('ended_on', sa.Date(), nullable=True),
    sa.PrimaryKeyConstraint('practice_id', 'id', name=op.f('pk_elsewhere'))
    )
    op.create_index(op.f('ix_elsewhere_patient_id'), 'elsewhere', ['patient_id'], unique=False)
    op.create_table('enrollment_practitioner',
    sa.Column('practice_id', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('id', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('enrollment_id', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('patient_id', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('from_day', sa.Date(), nullable=False),
    sa.Column('billing_practitioner', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('supervising_practitioner', sqlmodel.sql.sqltypes.AutoString(), nullable=True),
    sa.PrimaryKeyConstraint('practice_id', 'id', name=op.f('pk_enrollment_practitioner'))
    )
    op.create_index(op.f('ix_enrollment_practitioner_enrollment_id'), 'enrollment_practitioner', ['enrollment_id'], unique=False)
    op.create_table('import_batch',
    sa.Column('practice_id', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('id', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('kind', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('file_sha256', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('mapping', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('rows_total', sa.Integer(), nullable=False),
    sa.Column('rows_done', sa.Integer(), nullable=False),
    sa.Column('made_by', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('made_at', sqlmodel.sql.sqltypes.UTCDateTime(), nullable=False),
    sa.Column('finished_at', sqlmodel.sql.sqltypes.UTCDateTime(), nullable=True),
    sa.Column('undone_by', sqlmodel.sql.sqltypes.AutoString(), nullable=True),
    sa.Column('undone_at', sqlmodel.sql.sqltypes.UTCDateTime(), nullable=True),
    sa.PrimaryKeyConstraint('practice_id', 'id', name=op.f('pk_import_batch'))
    )
    op.create_table('import_row',
    sa.Column('practice_id', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('batch_id', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('number', sa.Integer(), nullable=False),
    sa.Column('outcome', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('subject_id', sqlmodel.sql.sqltypes.AutoString(), nullable=True),
    sa.Column('problem', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.PrimaryKeyConstraint('practice_id', 'batch_id', 'number', name=op.f('pk_import_row'))
    )
    op.create_table('past_coverage',
    sa.Column('practice_id', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('id', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('patient_id', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('payer_name', sqlmodel.sql.sqltypes.AutoString(), nullable=True),
    sa.Column('payer_kind', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('member_id', sqlmodel.sql.sqltypes.AutoString(), nullable=True),
    sa.Column('started_on', sa.Date(), nullable=True),
    sa.Column('ended_on', sa.Date(), nullable=False),
    sa.PrimaryKeyConstraint('practice_id', 'id', name=op.f('pk_past_coverage'))
    )
    op.create_index(op.f('ix_past_coverage_patient_id'), 'past_coverage', ['patient_id'], unique=False)
    op.create_table('patient_merge',
    sa.Column('practice_id', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('id', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('patient_id', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('merged_patient_id', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('reason', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('merged_by', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('merged_at', sqlmodel.sql.sqltypes.UTCDateTime(), nullable=False),
    sa.PrimaryKeyConstraint('practice_id', 'id', name=op.f('pk_patient_merge'))
    )
    op.create_index(op.f('ix_patient_merge_patient_id'), 'patient_merge', ['patient_id'], unique=False)
    op.create_table('patient_note',
    sa.Column('practice_id', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('id', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('patient_id', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('program', sqlmodel.sql.sqltypes.AutoString(), nullable=True),
    sa.Column('text', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('made_by', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('made_at', sqlmodel.sql.sqltypes.UTCDateTime(), nullable=False),
    sa.Column('to_staff', sqlmodel.sql.sqltypes.AutoString(), nullable=True),
    sa.Column('answer', sqlmodel.sql.sqltypes.AutoString(), nullable=True),
    sa.Column('answered_by', sqlmodel.sql.sqltypes.AutoString(), nullable=True),
    sa.Column('answered_at', sqlmodel.sql.sqltypes.UTCDateTime(), nullable=True),
    sa.PrimaryKeyConstraint('practice_id', 'id', name=op.f('pk_patient_note'))
    )
    op.create_index(op.f('ix_patient_note_patient_id'), 'patient_note', ['patient_id'], unique=False)
    op.create_index(op.f('ix_patient_note_to_staff'), 'patient_note', ['to_staff'], unique=False)
    op.create_table('practice_option',
    sa.Column('practice_id', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('shows_dollars_per_minute', sa.Boolean(), nullable=False),
    sa.Column('offers_apcm', sa.Boolean(), nullable=False),
    sa.PrimaryKeyConstraint('practice_id', name=op.f('pk_practice_option'))
    )
    op.create_table('registry_mark',
    sa.Column('practice_id', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('patient_id', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('status', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('discuss_since', sa.Date(), nullable=True),
    sa.Column('relapse_plan_on', sa.Date(), nullable=True),
    sa.Column('next_appointment_on', sa.Date(), nullable=True),
    sa.PrimaryKeyConstraint('practice_id', 'patient_id', name=op.f('pk_registry_mark'))
    )
    op.create_table('site',
    sa.Column('practice_id', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('id', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('name', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('address_line', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('city', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('postal_code', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('phone', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('state', sqlmodel.sql.sqltypes.AutoString(), nullable=True),
    sa.Column('locality', sqlmodel.sql.sqltypes.AutoString(), nullable=True),
    sa.Column('setting', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('place_of_service', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('is_active', sa.Boolean(), nullable=False),
    sa.PrimaryKeyConstraint('practice_id', 'id', name=op.f('pk_site'))
    )
    op.create_table('suggested_time',
    sa.Column('practice_id', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('id', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('staff_id', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('patient_id', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('program', sqlmodel.sql.sqltypes.AutoString(), nullable=True),
    sa.Column('activity', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('origin', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('started_at', sqlmodel.sql.sqltypes.UTCDateTime(), nullable=False),
    sa.Column('seconds', sa.Integer(), nullable=False),
    sa.Column('made_at', sqlmodel.sql.sqltypes.UTCDateTime(), nullable=False),
    sa.Column('settled_at', sqlmodel.sql.sqltypes.UTCDateTime(), nullable=True),
    sa.Column('is_confirmed', sa.Boolean(), nullable=True),
    sa.PrimaryKeyConstraint('practice_id', 'id', name=op.f('pk_suggested_time'))
    )
    op.create_index(op.f('ix_suggested_time_staff_id'), 'suggested_time', ['staff_id'], unique=False)
    op.create_table('task',
    sa.Column('practice_id', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('id', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('patient_id', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('kind', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('title', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('due_on', sa.Date(), nullable=False),
    sa.Column('program', sqlmodel.sql.sqltypes.AutoString(), nullable=True),
    sa.Column('assigned_to', sqlmodel.sql.sqltypes.AutoString(), nullable=True),
    sa.Column('made_by', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('made_at', sqlmodel.sql.sqltypes.UTCDateTime(), nullable=False),
    sa.Column('source_id', sqlmodel.sql.sqltypes.AutoString(), nullable=True),
    sa.Column('done_by', sqlmodel.sql.sqltypes.AutoString(), nullable=True),
    sa.Column('done_at', sqlmodel.sql.sqltypes.UTCDateTime(), nullable=True),
    sa.Column('outcome', sqlmodel.sql.sqltypes.AutoString(), nullable=True),
    sa.PrimaryKeyConstraint('practice_id', 'id', name=op.f('pk_task'))
    )
    op.create_index(op.f('ix_task_patient_id'), 'task', ['patient_id'], unique=False)
    op.create_table('timer_part',
    sa.Column('practice_id', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('staff_id', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('number', sa.Integer(), nullable=False),
    sa.Column('started_at', sqlmodel.sql.sqltypes.UTCDateTime(), nullable=False),
    sa.Column('seconds', sa.Integer(), nullable=False),
    sa.PrimaryKeyConstraint('practice_id', 'staff_id', 'number', name=op.f('pk_timer_part'))
    )
    op.add_column('caseload_review', sa.Column('session_id', sqlmodel.sql.sqltypes.AutoString(), nullable=True))
    op.add_column('consent', sa.Column('given_by', sqlmodel.sql.sqltypes.AutoString(), nullable=True))
    op.add_column('consent', sa.Column('copy_given_on', sa.Date(), nullable=True))
    op.add_column('consent', sa.Column('backdating_reason', sqlmodel.sql.sqltypes.AutoString(), nullable=True))
    op.add_column('consent', sa.Column('recorded_at', sqlmodel.sql.sqltypes.UTCDateTime(), nullable=True))
    op.add_column('patient', sa.Column('site_id', sqlmodel.sql.sqltypes.AutoString(), nullable=True))
    op.add_column('patient', sa.Column('merged_into', sqlmodel.sql.sqltypes.AutoString(), nullable=True))
    op.add_column('rating_scale', sa.Column('level', sqlmodel.sql.sqltypes.AutoString(), nullable=True))
    op.add_column('rating_scale', sa.Column('by', sqlmodel.sql.sqltypes.AutoString(), nullable=True))
    op.add_column('running_timer', sa.Column('paused_at', sqlmodel.sql.sqltypes.UTCDateTime(), nullable=True))
    dialects.grant_rights(op.get_bind())
