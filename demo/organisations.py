"""The organisations and people of the demonstration. All of them are invented."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Organisation:
    """One applicant and the person who acts for it."""

    key: str
    name: str
    kind: str  # association, scop, scic or forming (a SCOP that is not registered yet)
    city: str
    postcode: str
    person: str  # first and last name of the representative


ORGANISATIONS = [
    Organisation("atelier-du-fil", "Atelier du Fil", "association", "Sainte-Menehould", "51800", "Hélène Marchal"),
    Organisation("coop-des-vallees", "Coop des Vallées", "scic", "Charleville-Mézières", "08000", "Karim Benali"),
    Organisation("regie-nord", "Régie de quartier Reims Nord", "association", "Reims", "51100", "Sylvie Adam"),
    Organisation("terres-communes", "Terres communes", "scic", "Troyes", "10000", "Paul Lefèvre"),
    Organisation("fabrique-itinerante", "La Fabrique itinérante", "association", "Langres", "52200", "Nadia Rousseau"),
    Organisation("roue-libre", "Roue libre", "association", "Épernay", "51200", "Thomas Gérard"),
    Organisation("recup-ardennes", "Récup’Ardennes", "association", "Sedan", "08200", "Claire Noël"),
    Organisation("jardins-solidaires", "Les Jardins solidaires de l’Aube", "association", "Romilly-sur-Seine", "10100",
                 "Marc Petitjean"),
    Organisation("mobilite-pour-tous", "Mobilité pour tous", "association", "Vitry-le-François", "51300",
                 "Inès Collin"),
    Organisation("bois-local", "Bois local & Compagnie", "scop", "Saint-Dizier", "52100", "Julien Humbert"),
    Organisation("cuisine-partagee", "La Cuisine partagée", "association", "Châlons-en-Champagne", "51000",
                 "Fatou Diallo"),
    Organisation("numerique-pour-toutes", "Numérique pour toutes", "association", "Reims", "51100", "Lucie Perrin"),
    Organisation("habitat-partage", "Habitat partagé du Barrois", "association", "Bar-sur-Aube", "10200",
                 "Alain Guyot"),
    Organisation("lien-rural", "Le Lien rural", "association", "Rethel", "08300", "Sophie Lambert"),
    Organisation("textile-solidaire", "Textile solidaire", "scop", "Troyes", "10000", "Hugo Martinet"),
    Organisation("energie-citoyenne", "Énergie citoyenne Argonne", "scic", "Vouziers", "08400", "Émilie Caron"),
    Organisation("reseau-cress", "Chambre régionale de l’économie sociale et solidaire", "association", "Reims",
                 "51100", "Philippe Aubry"),
    Organisation("reseau-iae", "Réseau régional de l’insertion par l’activité économique", "association", "Nancy",
                 "54000", "Martine Schmitt"),
    Organisation("union-scop", "Union régionale des SCOP et SCIC", "association", "Strasbourg", "67000",
                 "Olivier Weber"),
    Organisation("mouvement-associatif", "Le Mouvement associatif régional", "association", "Metz", "57000",
                 "Christine Klein"),
    Organisation("reseau-geiq", "Fédération régionale des GEIQ", "association", "Colmar", "68000", "Didier Muller"),
    Organisation("reseau-mutuelles", "Union régionale des mutuelles", "association", "Épinal", "88000",
                 "Brigitte Thomas"),
    Organisation("reseau-fabriques", "Réseau des fabriques à initiatives", "association", "Troyes", "10000",
                 "Éric Simonin"),
    Organisation("menuiserie-erdre", "Menuiserie de l’Erdre, SCOP en création", "forming", "Nantes", "44000",
                 "Camille Durand"),
    Organisation("imprimerie-loire", "Imprimerie de Loire, SCOP en création", "forming", "Angers", "49000",
                 "Antoine Moreau"),
    Organisation("boulangerie-sillon", "Boulangerie du Sillon, SCOP en création", "forming", "Saint-Nazaire", "44600",
                 "Léa Guillou"),
    Organisation("logiciel-libre", "Atelier logiciel libre, SCOP en création", "forming", "Le Mans", "72000",
                 "Samir Haddad"),
    Organisation("maraichage-mauges", "Maraîchage des Mauges, SCOP en création", "forming", "Cholet", "49300",
                 "Julie Bernier"),
    Organisation("maconnerie-vendee", "Maçonnerie de Vendée, SCOP en création", "forming", "La Roche-sur-Yon", "85000",
                 "Mathieu Billaud"),
    Organisation("transport-mayenne", "Transport doux de la Mayenne, SCOP en création", "forming", "Laval", "53000",
                 "Aurélie Chevalier"),
    Organisation("theatre-retz", "Décors du pays de Retz, SCOP en création", "forming", "Pornic", "44210",
                 "Nicolas Renaud"),
    Organisation("conseil-anjou", "Conseil et coopération Anjou, SCOP en création", "forming", "Saumur", "49400",
                 "Isabelle Fournier"),
    Organisation("recyclage-brive", "Recyclage de la Brière, SCOP en création", "forming", "Guérande", "44350",
                 "Yann Le Goff"),
    Organisation("couture-sarthe", "Couture de la Sarthe, SCOP en création", "forming", "La Flèche", "72200",
                 "Amina Touré"),
    Organisation("velo-cargo", "Vélo-cargo de l’Ouest, SCOP en création", "forming", "Nantes", "44100",
                 "Pierre Lucas"),
    Organisation("reseau-tiers-lieux", "Réseau régional des tiers-lieux", "association", "Verdun", "55100",
                 "Nadia Ferrand"),
]  # fmt: skip

COLLEAGUES = [
    ("Manon", "Garnier"), ("Lucas", "Faure"), ("Chloé", "Roux"), ("Mehdi", "Amrani"), ("Élise", "Blanchard"),
    ("Bastien", "Joly"), ("Awa", "Sow"), ("Romain", "Perrot"), ("Laure", "Vidal"), ("Kévin", "Leclerc"),
    ("Sarah", "Meunier"), ("Quentin", "Brun"), ("Zoé", "Charpentier"), ("Ismaël", "Keita"), ("Anaïs", "Dupuis"),
]  # fmt: skip
