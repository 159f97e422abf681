"""What an export tells, as `deepfabric_core.export.summary` says it."""

from deepfabric_core.export.summary import check_lines, export_notes, export_summary

__all__ = ["check_lines", "export_notes", "export_summary"]
