"""PL/pgSQL of the totals that the database keeps itself: what children hold of their parent, which no ``save()`` writes."""


def keep_total(table: str, column: str, key: str) -> str:
    """PL/pgSQL that carries a child row's net amount to the total of its parent."""
    return f"""
        IF TG_OP = 'UPDATE' THEN
            UPDATE {table} SET {column} = {column} + (NEW.amount - NEW.released_amount)
                - (OLD.amount - OLD.released_amount) WHERE id = NEW.{key};
        ELSE
            UPDATE {table} SET {column} = {column} + NEW.amount - NEW.released_amount WHERE id = NEW.{key};
        END IF;
        RETURN NEW;
    """


def own_total(column: str) -> str:
    """PL/pgSQL that leaves a total to the triggers: a stale ``save()`` never overwrites it."""
    return f"""
        IF TG_OP = 'INSERT' THEN
            NEW.{column} := 0;
        ELSIF pg_trigger_depth() < 2 THEN
            NEW.{column} := OLD.{column};
        END IF;
        RETURN NEW;
    """
